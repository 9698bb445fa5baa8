//! Changes carried through small repositories of three stages.

use std::process::Command;

use super::*;
use crate::stages::tests::synthetic;

const SHARED: &str = "a\nb\nc\nd\ne\nf\ng\n";

/// A repository whose three stages share `src/f.rs`; the second adds a line at its end.
struct Repository {
    dir: tempfile::TempDir,
}

impl Repository {
    fn new() -> Repository {
        let dir = tempfile::tempdir().unwrap();
        let own = format!("{SHARED}h\n");
        let main = |number| format!("use {number}::repl;\n");
        synthetic(
            &dir.path().join("milestones"),
            &[
                ("m1-one", &[("src/f.rs", SHARED), ("src/main.rs", &main("m1_one"))]),
                ("m2-two", &[("src/f.rs", &own), ("src/main.rs", &main("m2_two"))]),
                ("m3-three", &[("src/f.rs", &own), ("src/main.rs", &main("m3_three"))]),
            ],
        );
        let repository = Repository { dir };
        repository.git(&["init", "--quiet"]);
        repository.commit();
        repository
    }

    fn git(&self, arguments: &[&str]) {
        let who = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"];
        let status = Command::new("git").arg("-C").arg(self.dir.path()).args(who).args(arguments).status();
        assert!(status.unwrap().success());
    }

    fn commit(&self) {
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "x"]);
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join("milestones").join(file)
    }

    fn write(&self, file: &str, text: &str) {
        write(&self.path(file), text).unwrap();
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn forward(&self, file: &str) -> Report {
        run(self.dir.path(), "m1", Chosen::Named(vec![file.to_owned()]), "HEAD").unwrap()
    }

    fn forward_all(&self, from: &str) -> Report {
        run(self.dir.path(), from, Chosen::All, "HEAD").unwrap()
    }
}

#[test]
fn a_change_is_merged_where_different_and_copied_where_the_same() {
    let repository = Repository::new();
    repository.write("m1-one/src/f.rs", &SHARED.replace('b', "B"));
    let report = repository.forward("src/f.rs");
    assert_eq!(report.text(), "m2-two/src/f.rs: merged\nm3-three/src/f.rs: copied\n");
    assert!(report.clean());
    assert_eq!(repository.text("m2-two/src/f.rs"), "a\nB\nc\nd\ne\nf\ng\nh\n");
    assert_eq!(repository.text("m3-three/src/f.rs"), "a\nB\nc\nd\ne\nf\ng\nh\n");
}

#[test]
fn a_change_can_be_forwarded_edited_and_forwarded_again() {
    let repository = Repository::new();
    for change in ["B", "BB", "BBB"] {
        repository.write("m1-one/src/f.rs", &SHARED.replace('b', change));
        for _again in 0..2 {
            assert!(repository.forward_all("m1").clean());
            assert_eq!(repository.text("m3-three/src/f.rs"), format!("a\n{change}\nc\nd\ne\nf\ng\nh\n"));
        }
    }
}

#[test]
fn a_later_stage_that_was_put_back_gets_the_change_again() {
    let repository = Repository::new();
    repository.write("m1-one/src/f.rs", &SHARED.replace('b', "B"));
    repository.forward("src/f.rs");
    repository.git(&["checkout", "--quiet", "milestones/m2-two", "milestones/m3-three"]);
    repository.forward("src/f.rs");
    assert!(repository.text("m3-three/src/f.rs").contains('B'));
}

#[test]
fn a_conflict_is_marked_and_the_stages_behind_it_wait() {
    let repository = Repository::new();
    repository.write("m2-two/src/f.rs", &SHARED.replace('b', "other"));
    repository.commit();
    repository.write("m1-one/src/f.rs", &SHARED.replace('b', "B"));
    let report = repository.forward("src/f.rs");
    assert!(!report.clean());
    assert!(report.text().starts_with("m2-two/src/f.rs: CONFLICT: 1 place left marked"), "{report:?}");
    assert!(repository.text("m2-two/src/f.rs").contains("<<<<<<< m2-two\nother\n"));
    assert_eq!(repository.text("m3-three/src/f.rs"), format!("{SHARED}h\n"));

    // Once resolved by hand, the first stage has nothing more to say.
    repository.write("m2-two/src/f.rs", &SHARED.replace('b', "both"));
    let report = repository.forward("src/f.rs");
    assert!(report.text().starts_with("m2-two/src/f.rs: nothing to take over\n"), "{report:?}");
    assert_eq!(repository.text("m2-two/src/f.rs"), SHARED.replace('b', "both"));
}

#[test]
fn the_crates_name_is_said_as_each_stage_says_it() {
    let repository = Repository::new();
    repository.write("m1-one/src/main.rs", "use m1_one::{repl, vfs};\n");
    assert!(repository.forward("milestones/m1-one/src/main.rs").clean());
    assert_eq!(repository.text("m3-three/src/main.rs"), "use m3_three::{repl, vfs};\n");
}

#[test]
fn the_manifest_keeps_each_stages_name_and_description() {
    let repository = Repository::new();
    let manifest = repository.text("m1-one/Cargo.toml");
    repository.write("m1-one/Cargo.toml", &format!("{manifest}license = \"MIT\"\n"));
    assert!(repository.forward("Cargo.toml").clean());
    let expected = "[package]\nname = \"m3-three\"\ndescription = \"about m3-three\"\nlicense = \"MIT\"\n";
    assert_eq!(repository.text("m3-three/Cargo.toml"), expected);
}

#[test]
fn new_and_deleted_files_are_carried_too() {
    let repository = Repository::new();
    repository.write("m1-one/src/new.rs", "use m1_one::x;\n");
    fs::remove_file(repository.path("m1-one/src/main.rs")).unwrap();
    let report = repository.forward_all("m1");
    assert!(report.clean(), "{report:?}");
    assert_eq!(repository.text("m3-three/src/new.rs"), "use m3_three::x;\n");
    assert!(!repository.path("m2-two/src/main.rs").exists());
    assert!(!repository.path("m3-three/src/main.rs").exists());
}

#[test]
fn a_deleted_file_that_was_changed_later_is_left_to_the_author() {
    let repository = Repository::new();
    fs::remove_file(repository.path("m1-one/src/f.rs")).unwrap();
    let report = repository.forward("src/f.rs");
    assert!(!report.clean());
    assert_eq!(repository.text("m2-two/src/f.rs"), format!("{SHARED}h\n"));
}

#[test]
fn a_file_that_a_stage_dropped_goes_no_further() {
    let repository = Repository::new();
    fs::remove_file(repository.path("m2-two/src/f.rs")).unwrap();
    repository.commit();
    repository.write("m1-one/src/f.rs", "changed\n");
    assert_eq!(repository.forward("src/f.rs").text(), "m2-two/src/f.rs: does not have it\n");
    assert_eq!(repository.text("m3-three/src/f.rs"), format!("{SHARED}h\n"));

    repository.write("lineage.toml", "[m2-two.dropped]\n\"src/new.rs\" = \"why\"\n");
    repository.write("m1-one/src/new.rs", "new\n");
    assert_eq!(repository.forward("src/new.rs").text(), "m2-two/src/new.rs: does not have it\n");
}

#[test]
fn nothing_changed_means_nothing_carried() {
    let repository = Repository::new();
    assert_eq!(repository.forward_all("m1").text(), "nothing to carry forward\n");
    assert_eq!(
        repository.forward("src/f.rs").text(),
        "m2-two/src/f.rs: nothing to take over\nm3-three/src/f.rs: already the same\n"
    );
    let unknown = run(repository.dir.path(), "m1", Chosen::Named(vec!["src/none.rs".into()]), "HEAD");
    assert!(unknown.unwrap_err().to_string().contains("m1-one has no file src/none.rs"));
}

#[test]
fn before_the_first_commit_new_files_are_copied_and_others_left_alone() {
    let repository = Repository::new();
    fs::remove_dir_all(repository.dir.path().join(".git")).unwrap();
    repository.git(&["init", "--quiet"]);
    repository.write("m1-one/src/new.rs", "new\n");
    assert!(repository.forward("src/new.rs").clean());
    assert_eq!(repository.text("m3-three/src/new.rs"), "new\n");
    assert!(!repository.forward("src/f.rs").clean());
    assert_eq!(repository.text("m2-two/src/f.rs"), format!("{SHARED}h\n"));
}
