//! What strace writes: a line for each system call, with everything that was handed over.
//!
//! `1234  pwrite64(5, "\x00\x01"..., 2, 8192) = 2`. Strings are in hexadecimal (`-xx`), so that a parenthesis or a comma is always
//! punctuation. A call that another thread interrupted comes in two lines, and happens at the second.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};

/// How many bytes of a string strace writes down. The longest write of a program is a megabyte.
pub const LONGEST: usize = 1_200_000;

/// The calls that open, change, sync or move files, those that move a file's position, and those by which a file could change
/// without our noticing. A question mark is for calls that not every processor has.
pub const CALLS: &str = "openat,openat2,?open,?creat,close,?dup2,dup,dup3,fcntl,lseek,read,write,writev,pwrite64,pwritev,\
                         pwritev2,ftruncate,?truncate,fallocate,fsync,fdatasync,sync,syncfs,?rename,?renameat,renameat2,\
                         ?unlink,unlinkat,?rmdir,?mkdir,mkdirat,?link,linkat,?symlink,symlinkat,mmap,chdir,fchdir,\
                         copy_file_range,sendfile,splice,io_uring_setup";

/// A call that has returned.
#[derive(Debug, PartialEq)]
pub struct Call {
    pub name: String,
    arguments: Vec<String>,
    /// What it returned; -1 for an error.
    pub result: i64,
}

impl Call {
    pub fn argument(&self, number: usize) -> Result<&str> {
        let argument = self.arguments.get(number).map(String::as_str);
        argument.with_context(|| format!("{} has no argument {number}: {:?}", self.name, self.arguments))
    }

    pub fn has(&self, number: usize, flag: &str) -> bool {
        self.arguments.get(number).is_some_and(|flags| {
            flags.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == flag)
        })
    }

    pub fn number(&self, number: usize) -> Result<i64> {
        let text = self.argument(number)?;
        text.parse().with_context(|| format!("{}: argument {text} is no number", self.name))
    }

    /// The bytes of a string; of several, in an array of buffers, one after the other.
    pub fn bytes(&self, number: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut rest = self.argument(number)?;
        while let Some((_, opened)) = rest.split_once('"') {
            let (string, after) = opened.split_once('"').context("a string does not end")?;
            ensure!(!after.starts_with("..."), "{}: more bytes than strace writes down", self.name);
            unescape(string, &mut bytes)?;
            rest = after;
        }
        Ok(bytes)
    }

    pub fn path(&self, number: usize) -> Result<String> {
        Ok(String::from_utf8(self.bytes(number)?)?)
    }
}

/// All calls in a trace, in the order in which they returned.
pub fn calls(trace: &str) -> Result<Vec<Call>> {
    let (mut calls, mut interrupted) = (Vec::new(), HashMap::new());
    for line in trace.lines() {
        let (process, line) = line.split_once(' ').context("a line without a process")?;
        let line = line.trim_start();
        let shown = || line.chars().take(120).collect::<String>();
        if line.starts_with("+++") || line.starts_with("---") {
            continue;
        }
        if let Some(begun) = line.strip_suffix(" <unfinished ...>") {
            interrupted.insert(process, begun);
            continue;
        }
        let whole = match line.strip_prefix("<... ").and_then(|line| line.split_once(" resumed>")) {
            Some((_, rest)) => {
                let begun = interrupted.remove(process).with_context(shown)?;
                call(&format!("{begun}{rest}"))
            }
            None => call(line),
        };
        calls.extend(whole.with_context(shown)?);
    }
    Ok(calls)
}

/// The call in a line; none if the process ended in it.
fn call(line: &str) -> Result<Option<Call>> {
    let (name, rest) = line.split_once('(').context("no call")?;
    let (mut arguments, mut depth, mut quoted, mut from) = (Vec::new(), 0, false, 0);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' | b'[' | b'{' => depth += 1,
            b')' if depth == 0 => {
                arguments.push(rest[from..at].trim().to_owned());
                let Some(result) = rest[at + 1..].trim_start().strip_prefix("= ") else { bail!("no result") };
                let result = result.split_whitespace().next().unwrap_or_default();
                return Ok(match result {
                    "?" => None,
                    _ => Some(Call { name: name.to_owned(), arguments, result: number(result)? }),
                });
            }
            b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                arguments.push(rest[from..at].trim().to_owned());
                from = at + 1;
            }
            _ => {}
        }
    }
    bail!("the call does not end")
}

/// Addresses are hexadecimal.
fn number(text: &str) -> Result<i64> {
    Ok(match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16)?.cast_signed(),
        None => text.parse()?,
    })
}

fn unescape(string: &str, bytes: &mut Vec<u8>) -> Result<()> {
    let digit = |byte: u8| char::from(byte).to_digit(16).context("not hexadecimal");
    let (escapes, rest) = string.as_bytes().as_chunks::<4>();
    ensure!(rest.is_empty(), "a string that is not in hexadecimal");
    for escape in escapes {
        let [b'\\', b'x', high, low] = *escape else { bail!("a string that is not in hexadecimal") };
        bytes.push((digit(high)? << 4 | digit(low)?) as u8);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_arguments_and_a_result() {
        let trace = "7  openat(AT_FDCWD, \"\\x61\\x2f\", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0666) = 5\n\
                     7  pwritev(5, [{iov_base=\"\\x01\\x02\", iov_len=2}, {iov_base=\"\\x28\", iov_len=1}], 2, 8192) = 3\n\
                     7  fdatasync(5)                      = -1 EIO (Input/output error) (INJECTED)\n\
                     7  mmap(NULL, 8, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f0000001000\n\
                     7  exit_group(0)                     = ?\n\
                     7  +++ exited with 0 +++\n";
        let calls = calls(trace).unwrap();
        let [opened, written, synced, mapped] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!((opened.path(1).unwrap().as_str(), opened.result), ("a/", 5));
        assert!(opened.has(2, "O_CREAT") && !opened.has(2, "O_TRUNC"));
        assert_eq!((written.bytes(1).unwrap(), written.number(3).unwrap()), (vec![1, 2, 0x28], 8192));
        assert_eq!((synced.name.as_str(), synced.number(0).unwrap(), synced.result), ("fdatasync", 5, -1));
        assert_eq!(mapped.result, 0x7f00_0000_1000);
    }

    #[test]
    fn a_call_in_two_lines_happens_at_the_second() {
        let trace =
            "1  fsync(4 <unfinished ...>\n2  close(9) = 0\n1  <... fsync resumed>) = 0\n2  --- SIGINT ---\n";
        let names: Vec<_> =
            calls(trace).unwrap().into_iter().map(|call| (call.name, call.arguments)).collect();
        let expected =
            [("close", "9"), ("fsync", "4")].map(|(name, fd)| (name.to_owned(), vec![fd.to_owned()]));
        assert_eq!(names, expected);
    }

    #[test]
    fn what_strace_has_cut_off_is_an_error() {
        let calls = calls("1  pwrite64(5, \"\\x00\"..., 9, 0) = 9\n").unwrap();
        assert!(calls[0].bytes(1).is_err());
    }
}
