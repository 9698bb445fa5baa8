use super::*;
use crate::vfs::{File, read_file, replace_file};
use std::os::unix::fs::{PermissionsExt, symlink};
use tempfile::TempDir;

/// A directory `data` beside which there is something else, and what it is opened by.
fn scene() -> (TempDir, OsVfs) {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("other")).unwrap();
    fs::write(home.path().join("other/thesis"), "years of work").unwrap();
    let vfs = OsVfs::new(home.path().join("data")).unwrap();
    vfs.create_dir("base").unwrap();
    (home, vfs)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn no_link_below_the_root_is_followed() {
    let (home, vfs) = scene();
    let data = home.path().join("data");
    symlink("../other", data.join("temp")).unwrap();
    symlink("../other/thesis", data.join("control")).unwrap();
    for path in ["temp/thesis", "control"] {
        assert!(vfs.open(path).err().unwrap().to_string().contains("is a symbolic link"), "{path}");
        vfs.create(path).err().unwrap();
        vfs.remove(path).unwrap_err();
    }
    vfs.list("temp").unwrap_err();
    vfs.sync_dir("temp").unwrap_err();
    vfs.rename("temp/thesis", "base/1").unwrap_err();
    assert!(vfs.exists("control").unwrap());
    replace_file(&vfs, "control", b"ours").unwrap();
    assert_eq!(read_file(&vfs, "control", 100).unwrap(), b"ours");
    assert_eq!(fs::read_to_string(home.path().join("other/thesis")).unwrap(), "years of work");
}

#[test]
fn the_root_itself_may_be_a_link() {
    let (home, _) = scene();
    let link = home.path().join("link");
    symlink("data", &link).unwrap();
    OsVfs::new(&link).unwrap().create("base/1").unwrap();
    assert!(home.path().join("data/base/1").exists());
}

#[test]
fn only_regular_files_open_and_are_removed() {
    let (home, vfs) = scene();
    let data = home.path().join("data");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let pipe = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, data.join("base/1"), pipe, mode, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(data.join("base/2")).unwrap();
    fs::create_dir(data.join("base/3")).unwrap();
    let reader = OsVfs::read_only(&data).unwrap();
    for (path, what) in [("base/1", "is a pipe"), ("base/2", "is a socket"), ("base/3", "Is a directory")] {
        for error in [vfs.open(path).err(), reader.open(path).err(), vfs.remove(path).err()] {
            let error = error.unwrap();
            assert!(error.to_string().contains(what), "{path}: {error}");
        }
        assert!(data.join(path).exists());
    }
}

#[test]
fn the_handle_keeps_to_the_directory_that_was_opened() {
    let (home, vfs) = scene();
    let (data, moved) = (home.path().join("data"), home.path().join("moved"));
    fs::rename(&data, &moved).unwrap();
    fs::create_dir_all(data.join("base")).unwrap();
    vfs.create("base/1").unwrap();
    assert!(moved.join("base/1").exists() && !data.join("base/1").exists());
    assert_eq!(vfs.list("base").unwrap(), ["1"]);
}

#[test]
fn what_is_synced_must_still_have_a_name() {
    let (home, vfs) = scene();
    let file = File::create(&vfs, "base/1").unwrap();
    file.write_all_at(b"row", 0).unwrap();
    file.sync_data().unwrap();
    fs::remove_dir_all(home.path().join("data")).unwrap();
    let error = file.sync_data().unwrap_err();
    assert!(error.message().contains("was removed while it was open"), "{error}");
}

#[test]
fn the_lock_is_the_directorys_own() {
    let (home, vfs) = scene();
    let data = home.path().join("data");
    let held = vfs.lock().unwrap();
    assert_eq!(vfs.list("").unwrap(), ["base"], "nothing is there that could be removed");
    let second = OsVfs::read_only(&data).unwrap();
    assert_eq!(second.lock().err().unwrap().kind(), io::ErrorKind::WouldBlock);
    drop(held);
    second.lock().unwrap();
}

#[test]
fn everything_that_is_made_is_for_its_owner_alone() {
    let (home, vfs) = scene();
    let data = home.path().join("data");
    vfs.create("base/1").unwrap();
    assert_eq!([&data, &data.join("base")].map(|path| mode(path)), [0o700; 2]);
    assert_eq!(mode(&data.join("base/1")), 0o600);
    assert_eq!(vfs.open_to_others(), None);
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    OsVfs::new(&empty).unwrap();
    assert_eq!(mode(&empty), 0o700, "as initdb leaves an empty directory");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(OsVfs::new(&data).unwrap().open_to_others(), Some(0o750));
    assert_eq!(mode(&data), 0o750, "one that is in use is left as it is");
}
