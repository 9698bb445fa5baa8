//! Databases to begin with: made once for each thread, and copied for each input.

/// What is needed of a stage: its files taken from memory, and put there again.
macro_rules! files_of {
    ($name:ident, $stage:ident) => {
        pub mod $name {
            use std::sync::Arc;

            use $stage::vfs::{MemoryVfs, Vfs};

            /// Files by their paths.
            pub type Files = Vec<(String, Vec<u8>)>;

            /// What is on a disk.
            pub fn files(disk: &MemoryVfs) -> Files {
                let mut files = Vec::new();
                gather(disk, "", &mut files);
                files
            }

            fn gather(disk: &MemoryVfs, directory: &str, files: &mut Files) {
                for name in disk.list(directory).expect("a directory in memory") {
                    let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
                    let Ok(file) = disk.open(&path) else {
                        gather(disk, &path, files);
                        continue;
                    };
                    let mut bytes = vec![0; file.len().expect("a file in memory") as usize];
                    file.read_at(&mut bytes, 0).expect("a file in memory");
                    files.push((path, bytes));
                }
            }

            /// A disk with these files.
            pub fn disk(files: &[(String, Vec<u8>)]) -> Arc<MemoryVfs> {
                let disk = MemoryVfs::new();
                for (path, bytes) in files {
                    let file = disk.create(path).expect("a new file");
                    file.write_at(bytes, 0).expect("a file in memory");
                }
                Arc::new(disk)
            }
        }
    };
}

files_of!(m4, m4_catalogs);
files_of!(m5, m5_sql);

/// The file of a path.
pub fn file<'f>(files: &'f mut [(String, Vec<u8>)], path: &str) -> Option<&'f mut Vec<u8>> {
    files.iter_mut().find(|(known, _)| known == path).map(|(_, bytes)| bytes)
}
