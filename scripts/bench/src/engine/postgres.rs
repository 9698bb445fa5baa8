//! PostgreSQL: a cluster of its own in the race's directory, reached through a socket there, with default settings.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use procfs::process::{Process, all_processes};

use super::{Engine, Place, files};
use crate::data::TABLE;
use crate::measure::{Usage, run, succeed};
use crate::workload::{Before, Dialect};

/// How long a server may take to come up or to go down.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where Debian and Red Hat put the server's programs.
const PLACES: [&str; 2] = ["/usr/lib/postgresql", "/usr/pgsql"];

pub struct Postgres {
    version: String,
    place: Place,
    programs: PathBuf,
    /// Who runs it, since PostgreSQL does not run as root.
    user: Option<(u32, u32)>,
    server: Option<Server>,
    /// The database that the next run connects to.
    database: &'static str,
    /// The next run has to start the server itself: that is what is measured.
    starts: bool,
    crashed_log: u64,
}

struct Server {
    child: Child,
    cluster: &'static str,
}

impl Postgres {
    /// `None`, if there is no PostgreSQL.
    pub fn find(place: Place) -> Result<Option<Postgres>> {
        let Some(programs) = programs() else { return Ok(None) };
        let version = succeed(Command::new(programs.join("postgres")).arg("--version"))?;
        let version = version.split_whitespace().nth(2).unwrap_or_default().to_owned();
        let user = match succeed(Command::new("id").arg("-u"))?.as_str() {
            "0" => Some(other_user()?),
            _ => None,
        };
        let mut postgres = Postgres {
            version,
            place,
            programs,
            user,
            server: None,
            database: "race",
            starts: false,
            crashed_log: 0,
        };
        postgres.make_cluster("postgres")?;
        postgres.start("postgres", &[])?;
        Ok(Some(postgres))
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.place.directory).env("LC_ALL", "C");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    fn make_cluster(&mut self, name: &str) -> Result<()> {
        let directory = self.place.path(name);
        files::remove(&directory)?;
        fs::create_dir(&directory)?;
        if let Some((user, group)) = self.user {
            chown(&directory, Some(user), Some(group))?;
        }
        let mut command = self.program("initdb");
        command.args(["--username=race", "--auth=trust", "--encoding=UTF8", "--locale=C", "--pgdata"]);
        succeed(command.arg(&directory)).map(drop)
    }

    fn start(&mut self, cluster: &'static str, settings: &[&str]) -> Result<()> {
        let directory = self.place.path(cluster);
        let mut command = self.program("postgres");
        command.arg("-D").arg(&directory).arg("-k").arg(&directory).args(["-c", "listen_addresses="]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        self.server = Some(Server { child, cluster });
        self.wait_until_up()
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            if succeed(self.psql("postgres")?.args(["-c", "SELECT 1"])).is_ok() {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                bail!("PostgreSQL did not come up");
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends the server: in an orderly way, or (`QUIT`) as if it had been killed.
    fn stop(&mut self, signal: &str) -> Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        succeed(Command::new("kill").args(["-s", signal, &server.child.id().to_string()]))?;
        server.child.wait()?;
        Ok(())
    }

    fn psql(&self, database: &str) -> Result<Command> {
        let cluster = self.server.as_ref().context("PostgreSQL does not run")?.cluster;
        let mut command = self.program("psql");
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--csv", "--set=ON_ERROR_STOP=1"]);
        command
            .args(["--username=race", "--host"])
            .arg(self.place.path(cluster))
            .args(["--dbname", database]);
        Ok(command)
    }

    fn sql(&self, database: &str, sql: &str) -> Result<String> {
        succeed(self.psql(database)?.args(["-c", sql]))
    }

    fn create(&mut self, database: &'static str) -> Result<()> {
        self.sql("postgres", &format!("DROP DATABASE IF EXISTS {database}"))?;
        self.sql("postgres", &format!("CREATE DATABASE {database}"))?;
        self.sql(database, TABLE)?;
        self.database = database;
        Ok(())
    }

    /// The server's processes and what they have used; what has ended counts with the one that started it.
    fn server_cpu(&self) -> Result<(usize, Duration)> {
        let Some(server) = &self.server else { return Ok((0, Duration::ZERO)) };
        let main = i32::try_from(server.child.id())?;
        let (mut processes, mut ticks) = (0, 0);
        for process in all_processes()?.flatten() {
            let Ok(stat) = process.stat() else { continue };
            if process.pid == main || stat.ppid == main {
                processes += 1;
                ticks += stat.utime + stat.stime;
            }
        }
        let stat = Process::new(main)?.stat()?;
        ticks += u64::try_from(stat.cutime + stat.cstime)?;
        Ok((processes, Duration::from_secs_f64(ticks as f64 / procfs::ticks_per_second() as f64)))
    }

    /// Runs the workload that begins with a server that was killed.
    fn run_recovery(&mut self, script: &Path, answer: &Path) -> Result<Usage> {
        let started = Instant::now();
        self.start("postgres-copy", &[])?;
        let usage = run(&mut self.psql("race")?, script, answer)?;
        let wall = started.elapsed();
        let (_, cpu) = self.server_cpu()?;
        self.stop("QUIT")?;
        Ok(Usage { wall, cpu: usage.cpu + cpu, memory: None })
    }
}

impl Engine for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn load(&mut self, script: &Path) -> Result<()> {
        self.create("loaded")?;
        run(&mut self.psql("loaded")?, script, &self.place.path("postgres.load"))?;
        self.sql("loaded", "VACUUM ANALYZE employees")?;
        self.sql("loaded", "CHECKPOINT").map(drop)
    }

    fn crash(&mut self, script: &Path) -> Result<()> {
        self.stop("INT")?;
        self.make_cluster("postgres-crashed")?;
        self.start("postgres-crashed", &["max_wal_size=4GB", "checkpoint_timeout=1h"])?;
        self.create("race")?;
        self.sql("race", "CHECKPOINT")?;
        run(&mut self.psql("race")?, script, &self.place.path("postgres.load"))?;
        let log = self.sql(
            "race",
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn) FROM pg_control_checkpoint()",
        )?;
        self.crashed_log = log.parse().map_err(|_| anyhow!("{log} is no length of a log"))?;
        self.stop("QUIT")?;
        self.start("postgres", &[])
    }

    fn prepare(&mut self, before: Before) -> Result<()> {
        if self.starts {
            self.starts = false;
            self.start("postgres", &[])?;
        }
        match before {
            Before::Empty => {
                self.create("race")?;
                self.sql("race", "CHECKPOINT")?;
            }
            Before::Loaded => {
                self.database = "loaded";
                self.sql("loaded", "SELECT COUNT(name) FROM employees")?;
            }
            Before::Cold => {
                self.stop("INT")?;
                files::chill(&self.place.path("postgres"))?;
                self.start("postgres", &[])?;
                self.database = "loaded";
            }
            Before::Copy => {
                self.sql("postgres", "DROP DATABASE IF EXISTS race")?;
                self.sql("postgres", "CREATE DATABASE race TEMPLATE loaded")?;
                self.database = "race";
                self.sql("race", "SELECT COUNT(name) FROM employees")?;
                self.sql("race", "CHECKPOINT")?;
            }
            Before::Crashed => {
                self.stop("INT")?;
                let (from, to) = (self.place.path("postgres-crashed"), self.place.path("postgres-copy"));
                files::remove(&to)?;
                succeed(Command::new("cp").arg("-a").arg(from).arg(&to))?;
                files::warm(&to)?;
                self.starts = true;
            }
        }
        Ok(())
    }

    fn run(&mut self, script: &Path, answer: &Path) -> Result<Usage> {
        if self.starts {
            return self.run_recovery(script, answer);
        }
        let (idle, before) = self.server_cpu()?;
        let usage = run(&mut self.psql(self.database)?, script, answer)?;
        let started = Instant::now();
        loop {
            let (processes, after) = self.server_cpu()?;
            // What a backend has used is known when it has ended.
            if processes <= idle || started.elapsed() > Duration::from_secs(1) {
                let server = after.saturating_sub(before);
                return Ok(Usage { cpu: usage.cpu + server, memory: None, ..usage });
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn size(&self) -> Result<u64> {
        let bytes = self.sql(self.database, "SELECT pg_total_relation_size('employees')")?;
        bytes.parse().map_err(|_| anyhow!("{bytes} is no size"))
    }

    fn log_size(&self) -> Result<u64> {
        Ok(self.crashed_log)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Nothing can be done about a server that does not go.
        let _ = self.stop("INT");
    }
}

/// Where the server's programs are: beside `psql`, or where the distributions hide them; the newest.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for place in PLACES {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let programs = entry.path().join("bin");
            let number = entry.file_name().to_string_lossy().parse().unwrap_or(0);
            if programs.join("postgres").exists() && programs.join("psql").exists() {
                found.push((number, programs));
            }
        }
    }
    if let Some((_, programs)) = found.into_iter().max() {
        return Some(programs);
    }
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).find(|path| path.join("postgres").exists() && path.join("psql").exists())
}

/// Somebody who is not root: `postgres`, who comes with the server, or `nobody`.
fn other_user() -> Result<(u32, u32)> {
    for name in ["postgres", "nobody"] {
        let id = |flag| succeed(Command::new("id").args([flag, name])).ok()?.parse().ok();
        if let (Some(user), Some(group)) = (id("-u"), id("-g")) {
            return Ok((user, group));
        }
    }
    bail!("PostgreSQL does not run as root, and there is nobody else")
}
