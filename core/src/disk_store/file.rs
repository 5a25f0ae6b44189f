//! The file of the database: how it is made, opened, put aside and copied.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use super::Options;
use super::database::{Answer, Database, Patience, Refusal, insist};
use crate::date;
use crate::error::Error;

/// Held by the thread that opens a file. One that makes a file has it open for a moment, and when a
/// process closes a file, it loses all its POSIX locks on it, also those of other threads.
static OPENING: Mutex<()> = Mutex::new(());

/// Opens the database at `path`, and makes it if there is none. If it is damaged, and the options
/// say so, an empty one takes its place. Returns the connection, and a warning if it did.
pub fn open(path: &Path, options: &Options) -> Answer<(Database, Option<String>)> {
    let _opening = OPENING.lock();
    let warning = match open_once(path, options) {
        Err(Refusal::Damaged(_)) if options.is_replaced => replace(path, options)?,
        opened => return opened.map(|database| (database, None)),
    };
    Ok((open_once(path, options)?, warning))
}

fn open_once(path: &Path, options: &Options) -> Answer<Database> {
    make_file(path)?;
    if let Some(system) = network_file_system(path) {
        return Err(Refusal::Other(format!(
            "the file is on a network file system ({system}), whose locks do not hold between machines or \
             containers. Use a folder of a local disk"
        )));
    }
    let database = insist(|| {
        let database = Database::open(path, Patience::Short, options.is_synced)?;
        database.set_up(options.max_of_user.is_some())?;
        Ok(database)
    })?;
    // A process has seen damage in a page that is not read here.
    let mark = mark_path(path);
    if mark.exists() {
        let found = insist(|| database.check())?;
        if let Some(first) = found.first() {
            return Err(Refusal::Damaged(first.clone()));
        }
        fs::remove_file(mark).ok();
    }
    Ok(database)
}

/// Makes the file if it is missing, with its folder, so that nobody else may read them. A file that
/// exists is not opened here: see [`OPENING`].
fn make_file(path: &Path) -> Answer<()> {
    if let Some(folder) = path.parent()
        && !folder.is_dir()
    {
        make_folder(folder).map_err(|error| refusal("its folder cannot be made", &error))?;
    }
    match new_file(path) {
        Ok(_) => Ok(()),
        Err(_) if path.is_dir() => Err(Refusal::Other(
            "this is a folder. Give the DiskStore the path of a file".to_owned(),
        )),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(refusal("the file cannot be made", &error)),
    }
}

/// Makes a file that did not exist, so that nobody else may read it.
fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn refusal(what: &str, error: &io::Error) -> Refusal {
    let advice = match error.kind() {
        ErrorKind::PermissionDenied => {
            "Give the user that runs this process the right to write there, or use another path"
        }
        ErrorKind::ReadOnlyFilesystem => "Use a path on a file system that can be written to",
        ErrorKind::StorageFull => "Make room on the disk",
        _ => "Check the option path",
    };
    Refusal::Other(format!("{what} ({error}). {advice}"))
}

/// Notes beside the file that a page of it is damaged, so that the next start looks at all pages.
pub fn mark_damaged(path: &Path) {
    // The note only helps; the error itself is reported.
    File::create(mark_path(path)).ok();
}

fn mark_path(path: &Path) -> PathBuf {
    beside(path, "-damaged")
}

/// Returns the path with something at its end.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Copies a damaged file aside, with its log, and empties it. Returns a warning, or none if another
/// process did it.
///
/// The file keeps its place. If it was renamed, a process that has it open would remove the log of
/// the new file when it ends, as that has the same name.
fn replace(path: &Path, options: &Options) -> Answer<Option<String>> {
    let failed = |error: io::Error| refusal("the damaged file cannot be put aside", &error);
    // Of several processes that start, one does it. The others wait, and find it done.
    let mark = mark_path(path);
    let lock = OpenOptions::new().append(true).create(true).open(&mark);
    let lock = lock.map_err(failed)?;
    lock.lock().map_err(failed)?;
    let why = match open_once(path, options) {
        Err(Refusal::Damaged(why)) => why,
        opened => return opened.map(|_| None),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_millis() as i64);
    let stamp = date::to_iso(now).map_or_else(
        || now.to_string(),
        |iso| String::from_utf8_lossy(&iso).replace(':', "-"),
    );
    let aside = beside(path, &format!(".damaged-{stamp}"));
    for end in ["-wal", ""] {
        match fs::copy(beside(path, end), beside(&aside, end)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    insist(|| Database::empty(path))?;
    fs::remove_file(mark).ok();
    Ok(Some(format!(
        "DiskStore: {} is damaged ({why}). It was copied to {}, and is an empty store now",
        path.display(),
        aside.display()
    )))
}

/// The kinds of file systems, as Linux calls them, whose locks or shared memory do not hold for all
/// who can open the file. Docker Desktop shows folders of the host as `fuse` or `virtiofs`.
const NETWORK: [&str; 14] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb2",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "virtiofs",
    "vboxsf",
    "ncpfs",
];

/// Returns the kind of the file system that the file is on, if that is one of a network. Only Linux
/// tells.
fn network_file_system(path: &Path) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let path = path.canonicalize().ok()?;
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        // proc_pid_mountinfo(5): the mount point is the fifth field, the kind comes behind " - ".
        let (before, behind) = line.split_once(" - ")?;
        let point = unescaped(before.split(' ').nth(4)?);
        let kind = behind.split(' ').next()?;
        // Of two mounts at a place the later one hides the earlier one.
        if path.starts_with(&point) && best.is_none_or(|(length, _)| point.len() >= length) {
            best = Some((point.len(), kind));
        }
    }
    let (_, kind) = best?;
    let is_network = NETWORK.contains(&kind) || kind == "fuse" || kind.starts_with("fuse.");
    is_network.then(|| kind.to_owned())
}

/// Replaces the octal escapes of a field of mountinfo.
fn unescaped(field: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(field.to_owned(), |field, (escape, character)| {
            field.replace(escape, character)
        })
}

/// What a database holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of sessions that have not expired.
    pub live: usize,
    /// The number of sessions, also of those that have expired and were not removed yet.
    pub sessions: usize,
    /// The bytes of the database that are in use, without the log.
    pub bytes: usize,
    /// When the oldest session was first stored, in ms since the epoch. `None` if there is none.
    pub oldest: Option<i64>,
    /// When the next session expires, in ms since the epoch. `None` if none does.
    pub next_expiry: Option<i64>,
}

/// Returns what the database at `path` holds at `now`, in ms since the epoch. Reads all of it.
///
/// # Errors
/// [`Error::Engine`] with a message that names the file.
pub fn look(path: &Path, now: i64) -> Result<Summary, Error> {
    with_database(path, |database| {
        let (live, sessions) = database.count(now)?;
        let (oldest, next_expiry) = database.times(now)?;
        Ok(Summary {
            live,
            sessions,
            bytes: database.bytes()?,
            oldest,
            next_expiry,
        })
    })
}

/// Reads each page of the database at `path`, and returns what is wrong: nothing if it is whole.
///
/// # Errors
/// As [`look`].
pub fn check(path: &Path) -> Result<Vec<String>, Error> {
    with_database(path, Database::check)
}

/// Copies the database at `from`, which may be in use, to the new file `to`. The disk has all of it
/// then. A copy that fails is removed.
///
/// # Errors
/// As [`look`], and if there is a file at `to`.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    with_database(from, |database| {
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::AlreadyExists => Refusal::Other(format!("{} exists already", to.display())),
            _ => Refusal::Other(format!("{} cannot be written ({error})", to.display())),
        };
        let file = new_file(to).map_err(failed)?;
        let copied = database
            .copy(to)
            .and_then(|()| file.sync_all().map_err(failed));
        if copied.is_err() {
            fs::remove_file(to).ok();
        }
        copied
    })
}

/// Calls `work` with a database of ours that exists.
fn with_database<T>(path: &Path, work: impl FnOnce(&Database) -> Answer<T>) -> Result<T, Error> {
    if !path.is_file() {
        let message = format!("{}: there is no such file", path.display());
        return Err(Error::Engine(message.into()));
    }
    let opened = insist(|| {
        let database = Database::open(path, Patience::Long, false)?;
        database.verify()?;
        Ok(database)
    });
    opened
        .and_then(|database| work(&database))
        .map_err(|refusal| refusal.error(path))
}
