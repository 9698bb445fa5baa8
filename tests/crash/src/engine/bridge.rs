//! Each stage has a `Vfs` of its own; all of them are the same. A bridge makes one of the first stage's look like
//! another's.

/// Defines `Bridge`, which is a `Vfs` of the crate that is named, over one of milestone 1.
macro_rules! bridge {
    ($stage:ident) => {
        mod bridge {
            use std::io;
            use std::sync::Arc;

            use m1_storage::vfs as below;
            use $stage::vfs;

            pub struct Bridge(pub Arc<dyn below::Vfs>);
            struct File(Box<dyn below::RawFile>);
            struct Lock(
                #[expect(dead_code, reason = "held until it is dropped")] Box<dyn below::DirectoryLock>,
            );

            impl vfs::DirectoryLock for Lock {}

            impl vfs::Vfs for Bridge {
                fn open(&self, path: &str) -> io::Result<Box<dyn vfs::RawFile>> {
                    Ok(Box::new(File(self.0.open(path)?)))
                }
                fn create(&self, path: &str) -> io::Result<Box<dyn vfs::RawFile>> {
                    Ok(Box::new(File(self.0.create(path)?)))
                }
                fn exists(&self, path: &str) -> io::Result<bool> {
                    self.0.exists(path)
                }
                fn remove(&self, path: &str) -> io::Result<()> {
                    self.0.remove(path)
                }
                fn rename(&self, from: &str, to: &str) -> io::Result<()> {
                    self.0.rename(from, to)
                }
                fn list(&self, directory: &str) -> io::Result<Vec<String>> {
                    self.0.list(directory)
                }
                fn create_dir(&self, path: &str) -> io::Result<()> {
                    self.0.create_dir(path)
                }
                fn remove_dir(&self, path: &str) -> io::Result<()> {
                    self.0.remove_dir(path)
                }
                fn sync_dir(&self, path: &str) -> io::Result<()> {
                    self.0.sync_dir(path)
                }
                fn lock(&self) -> io::Result<Box<dyn vfs::DirectoryLock>> {
                    Ok(Box::new(Lock(self.0.lock()?)))
                }
                fn random(&self) -> io::Result<u64> {
                    self.0.random()
                }
                fn root(&self) -> String {
                    self.0.root()
                }
            }

            impl vfs::RawFile for File {
                fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
                    self.0.read_at(buffer, offset)
                }
                fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
                    self.0.write_at(bytes, offset)
                }
                fn len(&self) -> io::Result<u64> {
                    self.0.len()
                }
                fn set_len(&self, len: u64) -> io::Result<()> {
                    self.0.set_len(len)
                }
                fn allocate(&self, len: u64) -> io::Result<()> {
                    self.0.allocate(len)
                }
                fn sync_data(&self) -> io::Result<()> {
                    self.0.sync_data()
                }
            }
        }
    };
}

pub(super) use bridge;
