//! What a program did to its files, from the calls that strace saw: the journal that images are built from.
//!
//! Files are known by number, so that a file keeps its bytes when its name changes. Whatever the calls are called and however
//! they name a file (from the root, from the working directory, from an open directory), the journal says the same. A call
//! that it cannot follow is an error: a change that it missed would make every image after it wrong.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::disk::{Disk, FileNumber, Node};
use super::trace::Call;

/// Something that happened, in terms of paths below the folder that is recorded.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Create {
        path: String,
        file: FileNumber,
    },
    MakeDir {
        path: String,
    },
    Write {
        file: FileNumber,
        offset: u64,
        bytes: Vec<u8>,
    },
    SetLen {
        file: FileNumber,
        len: u64,
    },
    Allocate {
        file: FileNumber,
        len: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Remove {
        path: String,
    },
    Sync {
        node: Synced,
        failed: bool,
    },
    /// The program has said something.
    Say(Vec<u8>),
}

impl Event {
    /// What the program has said in it.
    pub fn said(&self) -> Option<&[u8]> {
        match self {
            Event::Say(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// In a line, with the name that a file has afterwards.
    pub fn tell(&self, disk: &Disk) -> String {
        let name = |file: &FileNumber| disk.path(*file).unwrap_or("a file without a name").to_owned();
        match self {
            Event::Create { path, .. } => format!("create {path}"),
            Event::MakeDir { path } => format!("make directory {path}"),
            Event::Write { file, offset, bytes } => {
                format!("write {}, {} bytes at {offset}", name(file), bytes.len())
            }
            Event::SetLen { file, len } => format!("cut or extend {} to {len} bytes", name(file)),
            Event::Allocate { file, len } => format!("allocate {}, up to {len} bytes", name(file)),
            Event::Rename { from, to } => format!("rename {from} to {to}"),
            Event::Remove { path } => format!("remove {path}"),
            Event::Sync { node, failed } => {
                let name = match node {
                    Synced::File(file) => name(file),
                    Synced::Directory(path) => format!("directory {path:?}"),
                };
                format!("sync {name}{}", if *failed { ", which fails" } else { "" })
            }
            Event::Say(bytes) => format!("say {:?}", String::from_utf8_lossy(bytes)),
        }
    }
}

/// What was synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Synced {
    File(FileNumber),
    Directory(String),
}

/// A journal, and which calls the syncs in it were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journal {
    pub events: Vec<Event>,
    pub syncs: Vec<SyncCall>,
}

/// The call behind an event: the `number`-th with this name, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncCall {
    pub event: usize,
    pub call: String,
    pub number: usize,
}

/// What a descriptor stands for.
#[derive(Clone, Debug)]
enum Open {
    File(FileNumber),
    Directory(String),
    /// A file outside, a pipe, the terminal.
    Other,
}

struct Descriptor {
    open: Open,
    /// Where `write` goes on.
    position: u64,
}

/// Follows the descriptors and the names of one process.
struct Follower<'a> {
    /// The folder that is recorded, in which the process was started.
    home: &'a Path,
    /// Descriptors that are copies of each other have the same number here.
    descriptors: HashMap<i64, usize>,
    open: Vec<Descriptor>,
    names: BTreeMap<String, Node>,
    files: FileNumber,
    events: Vec<Event>,
    syncs: Vec<SyncCall>,
    /// How often each call to sync was made.
    sync_calls: HashMap<String, usize>,
}

/// The journal of a process that was started in the folder `home`, which looked like `before`.
pub fn follow(calls: &[Call], home: &Path, before: &Disk) -> Result<Journal> {
    let mut follower = Follower {
        home,
        descriptors: HashMap::new(),
        open: Vec::new(),
        names: before.names().clone(),
        files: before.files(),
        events: Vec::new(),
        syncs: Vec::new(),
        sync_calls: HashMap::new(),
    };
    for call in calls {
        follower.call(call).with_context(|| format!("{call:.300?}"))?;
    }
    Ok(Journal { events: follower.events, syncs: follower.syncs })
}

impl Follower<'_> {
    fn call(&mut self, call: &Call) -> Result<()> {
        let name = call.name.as_str();
        if call.result < 0 && !matches!(name, "fsync" | "fdatasync") {
            return Ok(());
        }
        match name {
            "openat" | "openat2" => {
                let path = self.at(call, 0)?;
                self.opened(path, call, 2)
            }
            "open" => self.opened(self.below(String::new(), &call.path(0)?), call, 1),
            "close" => {
                self.descriptors.remove(&call.number(0)?);
                Ok(())
            }
            "dup" | "dup2" | "dup3" => self.copied(call),
            "fcntl" if call.has(1, "F_DUPFD") || call.has(1, "F_DUPFD_CLOEXEC") => self.copied(call),
            "fcntl" => Ok(()),
            "lseek" => self.moved(call, |_, to| to),
            "read" => self.moved(call, |from, more| from + more),
            "write" | "writev" => self.wrote(call),
            "pwrite64" | "pwritev" | "pwritev2" => {
                if let Some(file) = self.file(call, 0)? {
                    self.written(call, file, u64::try_from(call.number(3)?)?)?;
                }
                Ok(())
            }
            "ftruncate" => {
                if let Some(file) = self.file(call, 0)? {
                    self.events.push(Event::SetLen { file, len: u64::try_from(call.number(1)?)? });
                }
                Ok(())
            }
            "fallocate" => self.allocated(call),
            "fsync" | "fdatasync" => self.synced(call),
            "mkdir" => self.made_dir(self.below(String::new(), &call.path(0)?)),
            "mkdirat" => self.made_dir(self.at(call, 0)?),
            "unlink" | "rmdir" => self.removed(self.below(String::new(), &call.path(0)?)),
            "unlinkat" => self.removed(self.at(call, 0)?),
            "rename" => {
                let path = |number| Ok::<_, anyhow::Error>(self.below(String::new(), &call.path(number)?));
                self.renamed(path(0)?, path(1)?)
            }
            "renameat" | "renameat2" => {
                ensure!(!call.has(4, "RENAME_EXCHANGE"), "an exchange of names");
                self.renamed(self.at(call, 0)?, self.at(call, 2)?)
            }
            "mmap" => {
                let shared = call.has(3, "MAP_SHARED") && call.has(2, "PROT_WRITE");
                ensure!(!shared || self.file(call, 4)?.is_none(), "a file is written through memory");
                Ok(())
            }
            "sendfile" | "splice" | "copy_file_range" => {
                let to = if name == "sendfile" { 0 } else { 2 };
                ensure!(self.file(call, to)?.is_none(), "bytes that were not written down");
                Ok(())
            }
            _ => bail!("a call that the journal cannot follow"),
        }
    }

    /// The path below `home` that a call names by a directory and a path from there; none if it is outside.
    fn at(&self, call: &Call, number: usize) -> Result<Option<String>> {
        let path = call.path(number + 1)?;
        if call.argument(number)? == "AT_FDCWD" || path.starts_with('/') {
            return Ok(self.below(String::new(), &path));
        }
        Ok(match self.handle(call.number(number)?) {
            Some(Descriptor { open: Open::Directory(directory), .. }) => self.below(directory.clone(), &path),
            _ => None,
        })
    }

    fn below(&self, directory: String, path: &str) -> Option<String> {
        let mut parts: Vec<&str> = directory.split('/').collect();
        let mut rest = path;
        if path.starts_with('/') {
            parts.clear();
            rest = Path::new(path).strip_prefix(self.home).ok()?.to_str()?;
        }
        for part in rest.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        parts.retain(|part| !part.is_empty());
        Some(parts.join("/"))
    }

    fn handle(&self, descriptor: i64) -> Option<&Descriptor> {
        self.open.get(*self.descriptors.get(&descriptor)?)
    }

    /// The file that a descriptor stands for, if it is one of those that are recorded.
    fn file(&self, call: &Call, number: usize) -> Result<Option<FileNumber>> {
        Ok(match self.handle(call.number(number)?) {
            Some(Descriptor { open: Open::File(file), .. }) => Some(*file),
            _ => None,
        })
    }

    fn opened(&mut self, path: Option<String>, call: &Call, flags: usize) -> Result<()> {
        let open = match path {
            None => Open::Other,
            Some(path) => match self.names.get(&path) {
                Some(Node::File(file)) => {
                    ensure!(!call.has(flags, "O_APPEND"), "writes go to the end, wherever that is");
                    if call.has(flags, "O_TRUNC") {
                        self.events.push(Event::SetLen { file: *file, len: 0 });
                    }
                    Open::File(*file)
                }
                Some(Node::Directory) => Open::Directory(path),
                None if path.is_empty() => Open::Directory(path),
                None => {
                    ensure!(call.has(flags, "O_CREAT"), "{path} was opened, and not made before");
                    let file = self.files;
                    self.files += 1;
                    self.names.insert(path.clone(), Node::File(file));
                    self.events.push(Event::Create { path, file });
                    Open::File(file)
                }
            },
        };
        self.descriptors.insert(call.result, self.open.len());
        self.open.push(Descriptor { open, position: 0 });
        Ok(())
    }

    fn copied(&mut self, call: &Call) -> Result<()> {
        match self.descriptors.get(&call.number(0)?).copied() {
            Some(open) => self.descriptors.insert(call.result, open),
            None => self.descriptors.remove(&call.result),
        };
        Ok(())
    }

    fn moved(&mut self, call: &Call, to: impl Fn(u64, u64) -> u64) -> Result<()> {
        if let Some(open) = self.descriptors.get(&call.number(0)?)
            && let Some(descriptor) = self.open.get_mut(*open)
        {
            descriptor.position = to(descriptor.position, u64::try_from(call.result)?);
        }
        Ok(())
    }

    fn wrote(&mut self, call: &Call) -> Result<()> {
        match self.handle(call.number(0)?) {
            Some(Descriptor { open: Open::File(file), position }) => {
                self.written(call, *file, *position)?;
                self.moved(call, |from, more| from + more)
            }
            None if matches!(call.number(0)?, 1 | 2) => {
                let mut bytes = call.bytes(1)?;
                bytes.truncate(usize::try_from(call.result)?);
                self.events.push(Event::Say(bytes));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A write may have been cut short.
    fn written(&mut self, call: &Call, file: FileNumber, offset: u64) -> Result<()> {
        let (mut bytes, written) = (call.bytes(1)?, usize::try_from(call.result)?);
        ensure!(written <= bytes.len(), "{written} bytes were written, {} written down", bytes.len());
        bytes.truncate(written);
        self.events.push(Event::Write { file, offset, bytes });
        Ok(())
    }

    fn allocated(&mut self, call: &Call) -> Result<()> {
        let Some(file) = self.file(call, 0)? else { return Ok(()) };
        if call.has(1, "FALLOC_FL_KEEP_SIZE") {
            return Ok(());
        }
        ensure!(call.argument(1)? == "0", "a kind of fallocate that the journal cannot follow");
        let len = u64::try_from(call.number(2)? + call.number(3)?)?;
        self.events.push(Event::Allocate { file, len });
        Ok(())
    }

    fn synced(&mut self, call: &Call) -> Result<()> {
        let count = self.sync_calls.entry(call.name.clone()).or_default();
        *count += 1;
        let number = *count;
        let node = match self.handle(call.number(0)?).map(|handle| &handle.open) {
            Some(Open::File(file)) => Synced::File(*file),
            Some(Open::Directory(path)) => Synced::Directory(path.clone()),
            _ => return Ok(()),
        };
        self.syncs.push(SyncCall { event: self.events.len(), call: call.name.clone(), number });
        self.events.push(Event::Sync { node, failed: call.result < 0 });
        Ok(())
    }

    fn made_dir(&mut self, path: Option<String>) -> Result<()> {
        if let Some(path) = path {
            self.names.insert(path.clone(), Node::Directory);
            self.events.push(Event::MakeDir { path });
        }
        Ok(())
    }

    fn removed(&mut self, path: Option<String>) -> Result<()> {
        if let Some(path) = path {
            self.names.remove(&path).with_context(|| format!("{path} was not made before"))?;
            self.events.push(Event::Remove { path });
        }
        Ok(())
    }

    fn renamed(&mut self, from: Option<String>, to: Option<String>) -> Result<()> {
        let (from, to) = match (from, to) {
            (None, None) => return Ok(()),
            (Some(from), Some(to)) => (from, to),
            _ => bail!("a file went in or out"),
        };
        let node = self.names.remove(&from).with_context(|| format!("{from} was not made before"))?;
        ensure!(matches!(node, Node::File(_)), "{from} is a directory");
        self.names.insert(to.clone(), node);
        self.events.push(Event::Rename { from, to });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::trace::calls;

    fn journal(trace: &str) -> Vec<Event> {
        follow(&calls(trace).unwrap(), Path::new("/h"), &Disk::default()).unwrap().events
    }

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
    }

    #[test]
    fn a_file_is_the_same_however_it_is_named() {
        let (whole, relative, name) = (hex("/h/d/f"), hex("./d/f"), hex("f"));
        let directory = hex("/h/d");
        for (made, opened, moved) in [
            (
                format!("mkdir(\"{directory}\", 0777) = 0"),
                format!("openat(AT_FDCWD, \"{relative}\", O_RDWR) = 6"),
                format!("rename(\"{whole}\", \"{}\") = 0", hex("/h/d/g")),
            ),
            (
                format!("mkdirat(AT_FDCWD, \"{}\", 0777) = 0", hex("d")),
                format!("openat(4, \"{name}\", O_RDWR|O_NOFOLLOW) = 6"),
                format!("renameat(4, \"{name}\", 4, \"{}\") = 0", hex("g")),
            ),
        ] {
            let trace = format!(
                "1  {made}\n1  openat(AT_FDCWD, \"{directory}\", O_RDONLY|O_DIRECTORY) = 4\n\
                 1  openat(AT_FDCWD, \"{whole}\", O_RDWR|O_CREAT|O_EXCL, 0666) = 5\n1  close(5) = 0\n\
                 1  {opened}\n1  {moved}\n1  pwrite64(6, \"\\x07\\x08\", 2, 3) = 1\n1  fdatasync(6) = 0\n\
                 1  fsync(4) = -1 EIO (Input/output error) (INJECTED)\n1  write(1, \"\\x6f\", 1) = 1\n"
            );
            let expected = [
                Event::MakeDir { path: "d".into() },
                Event::Create { path: "d/f".into(), file: 0 },
                Event::Rename { from: "d/f".into(), to: "d/g".into() },
                Event::Write { file: 0, offset: 3, bytes: vec![7] },
                Event::Sync { node: Synced::File(0), failed: false },
                Event::Sync { node: Synced::Directory("d".into()), failed: true },
                Event::Say(b"o".to_vec()),
            ];
            assert_eq!(journal(&trace), expected);
        }
    }

    #[test]
    fn write_goes_on_where_the_last_one_ended_also_through_a_copy() {
        let trace = format!(
            "1  openat(AT_FDCWD, \"{}\", O_WRONLY|O_CREAT, 0666) = 5\n1  write(5, \"\\x01\\x02\", 2) = 2\n\
             1  fcntl(5, F_DUPFD_CLOEXEC, 3) = 7\n1  write(7, \"\\x03\", 1) = 1\n1  write(9, \"\\x04\", 1) = 1\n",
            hex("f")
        );
        let write = |offset, bytes: &[u8]| Event::Write { file: 0, offset, bytes: bytes.to_vec() };
        assert_eq!(journal(&trace)[1..], [write(0, &[1, 2]), write(2, &[3])]);
    }

    #[test]
    fn a_call_that_cannot_be_followed_is_an_error() {
        for trace in ["1  syncfs(3) = 0\n", "1  io_uring_setup(8, {flags=0}) = 3\n"] {
            assert!(follow(&calls(trace).unwrap(), Path::new("/h"), &Disk::default()).is_err());
        }
    }
}
