//! Makes sure that one copy of SQLite alone has a file open in this process.
//!
//! When a process closes a file, Unix ends all locks that the process has on it, whoever has set
//! them ("How To Corrupt An SQLite Database File", section 2.2.1, at sqlite.org). One copy of SQLite
//! knows all its connections, and minds that. It does not know those of a second copy, which another copy of
//! this addon or another library brings. On Windows a lock belongs to the handle that has set it.
//!
//! Two copies share no memory, but the list of the files that the process has open. So each copy
//! counts its own connections, and looks at that list before its first one to a file.

#[cfg(not(unix))]
pub use elsewhere::Claim;
#[cfg(unix)]
pub use unix::Claim;

#[cfg(not(unix))]
mod elsewhere {
    use std::path::Path;

    use super::super::database::Answer;

    /// What a connection has beside it: nothing.
    pub struct Claim;

    impl Claim {
        /// Calls `open`.
        pub fn with<T>(_path: &Path, open: impl FnOnce() -> Answer<T>) -> Answer<(T, Claim)> {
            Ok((open()?, Claim))
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::collections::BTreeMap;
    use std::fs::{self, File, Metadata};
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use parking_lot::Mutex;

    use super::super::database::{Answer, Refusal};

    /// What tells a file from all others: its device and its number there.
    type Identity = (u64, u64);

    fn identity(file: &Metadata) -> Identity {
        (file.dev(), file.ino())
    }

    /// The files that connections of this copy have open, with the number of these.
    static OPEN: Mutex<BTreeMap<Identity, usize>> = Mutex::new(BTreeMap::new());

    /// The folder of the files that this process has open.
    #[cfg(target_os = "linux")]
    const OPEN_FILES: &str = "/proc/self/fd";
    #[cfg(not(target_os = "linux"))]
    const OPEN_FILES: &str = "/dev/fd";

    /// What a connection has beside it. It is dropped after the connection, so that the file counts as open as
    /// long as it is.
    pub struct Claim(Option<Identity>);

    impl Claim {
        /// Calls `open`, which opens a connection to the file at `path`, unless this process has the
        /// file open by other means than connections that have claims.
        pub fn with<T>(path: &Path, open: impl FnOnce() -> Answer<T>) -> Answer<(T, Claim)> {
            let mut files = OPEN.lock();
            // Without a file, `open` fails.
            let Ok(file) = fs::metadata(path) else {
                return open().map(|opened| (opened, Claim(None)));
            };
            let file = identity(&file);
            // Another copy that opens the file at this moment has its own `OPEN`. This lock is seen by all
            // copies, and by no other process. It ends when the folder is closed.
            let folder = File::open(OPEN_FILES);
            if !files.contains_key(&file) {
                if let Ok(folder) = &folder {
                    folder.lock().ok();
                }
                if is_open(file) {
                    return Err(Refusal::Other(REFUSAL.to_owned()));
                }
            }
            let opened = open()?;
            *files.entry(file).or_default() += 1;
            Ok((opened, Claim(Some(file))))
        }
    }

    impl Drop for Claim {
        fn drop(&mut self) {
            let Some(file) = self.0 else { return };
            let mut files = OPEN.lock();
            match files.get_mut(&file) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(files.remove(&file)),
            }
        }
    }

    /// Whether this process has the file open. False where the system does not tell.
    fn is_open(file: Identity) -> bool {
        let folder = fs::read_dir(OPEN_FILES).into_iter().flatten().flatten();
        folder
            .filter_map(|open| fs::metadata(open.path()).ok())
            .any(|open| identity(&open) == file)
    }

    const REFUSAL: &str = "this process has the file open already, by a second copy of express-session-rs or by \
                           another library, and two that have one file open lose each other's locks. Run \
                           `npm ls express-session-rs` and leave one copy installed, or close the file \
                           elsewhere";
}
