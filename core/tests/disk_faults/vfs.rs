//! A virtual file system of SQLite's that passes everything on to the usual one, takes down what is
//! written and synced, and fails when a test wants it.

#![allow(unsafe_code, reason = "SQLite calls functions of C")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::OnceLock;

use parking_lot::Mutex;
use rusqlite::ffi;

/// What was done to a file, in the order in which it was done.
#[derive(Clone, Debug)]
pub enum Op {
    Write {
        file: String,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        length: usize,
    },
    Sync {
        file: String,
    },
    Delete {
        file: String,
    },
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Each write that would make a file longer than this: the disk is full.
    Longer(usize),
    /// The write or sync that comes after so many others.
    Nth(usize),
}

struct Recorder {
    /// Only files whose path begins with this are looked at.
    prefix: String,
    ops: Vec<Op>,
    fault: Option<Fault>,
}

static RECORDER: Mutex<Option<Recorder>> = Mutex::new(None);

/// Takes down from now on what is done to files whose path begins with `prefix`.
pub fn record(prefix: &str) {
    install();
    *RECORDER.lock() = Some(Recorder {
        prefix: prefix.to_owned(),
        ops: Vec::new(),
        fault: None,
    });
}

/// Returns how much was done so far.
pub fn count() -> usize {
    RECORDER.lock().as_ref().map_or(0, |it| it.ops.len())
}

/// Ends the record, and returns it.
pub fn end() -> Vec<Op> {
    RECORDER.lock().take().map_or(Vec::new(), |it| it.ops)
}

/// Lets operations fail from now on, or none any more.
pub fn fail(fault: Option<Fault>) {
    if let Some(recorder) = &mut *RECORDER.lock() {
        recorder.fault = fault;
    }
}

/// Whether the fault is still to come.
pub fn is_to_fail() -> bool {
    let recorder = RECORDER.lock();
    recorder.as_ref().is_some_and(|it| it.fault.is_some())
}

/// Does `work`, and takes down `op`, unless that is to fail. Returns a result code.
fn take_down(
    file: &str,
    op: impl FnOnce() -> Op,
    failure: c_int,
    work: impl FnOnce() -> c_int,
) -> c_int {
    let mut recorder = RECORDER.lock();
    let Some(recorder) = recorder.as_mut().filter(|it| file.starts_with(&it.prefix)) else {
        return work();
    };
    let op = op();
    match (&mut recorder.fault, &op) {
        (Some(Fault::Longer(most)), Op::Write { at, bytes, .. }) if at + bytes.len() > *most => {
            return ffi::SQLITE_FULL;
        }
        (Some(Fault::Nth(0)), _) => {
            recorder.fault = None;
            return failure;
        }
        (Some(Fault::Nth(left)), _) => *left -= 1,
        _ => {}
    }
    let result = work();
    if result == ffi::SQLITE_OK {
        recorder.ops.push(op);
    }
    result
}

/// An open file. The usual file system's own follows it in memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    path: *mut String,
}

struct Usual(*mut ffi::sqlite3_vfs);

// SAFETY: SQLite lets every thread use it.
unsafe impl Send for Usual {}
// SAFETY: As above.
unsafe impl Sync for Usual {}

static USUAL: OnceLock<Usual> = OnceLock::new();

fn usual() -> *mut ffi::sqlite3_vfs {
    USUAL.get().map_or(ptr::null_mut(), |usual| usual.0)
}

/// Makes this the file system of all files that are opened from now on.
fn install() {
    USUAL.get_or_init(|| {
        // SAFETY: The usual file system is never freed, and neither is the copy, which is leaked.
        unsafe {
            let usual = ffi::sqlite3_vfs_find(ptr::null());
            let own = Box::leak(Box::new(ptr::read(usual)));
            own.szOsFile += size_of::<File>() as c_int;
            own.zName = c"recorder".as_ptr();
            own.pNext = ptr::null_mut();
            own.xOpen = Some(open);
            own.xDelete = Some(delete);
            assert_eq!(ffi::sqlite3_vfs_register(own, 1), ffi::SQLITE_OK);
            Usual(usual)
        }
    });
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Calls a method of the usual file system's file.
macro_rules! pass {
    ($file:ident . $method:ident ( $($argument:expr),* )) => {{
        let inner = inner($file);
        match (*(*inner).pMethods).$method {
            Some(method) => method(inner, $($argument),*),
            None => ffi::SQLITE_IOERR,
        }
    }};
}

// SAFETY, of all that follow: SQLite passes a file that `open` has made, and arguments as its
// documentation of `sqlite3_io_methods` and `sqlite3_vfs` says, which go on to the usual methods.

unsafe fn inner(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: See above: the memory has room for both.
    unsafe { file.cast::<File>().add(1).cast() }
}

unsafe fn path<'p>(file: *mut ffi::sqlite3_file) -> &'p str {
    // SAFETY: See above: the path lives until `close`.
    unsafe { &*(*file.cast::<File>()).path }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: See above.
    unsafe {
        (*file).pMethods = ptr::null();
        let Some(open) = (*usual()).xOpen else {
            return ffi::SQLITE_CANTOPEN;
        };
        let result = open(usual(), name, inner(file), flags, out);
        if result == ffi::SQLITE_OK {
            let path = match name.is_null() {
                true => String::new(),
                false => CStr::from_ptr(name).to_string_lossy().into_owned(),
            };
            (*file.cast::<File>()).path = Box::into_raw(Box::new(path));
            (*file).pMethods = &METHODS;
        }
        result
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: See above.
    unsafe {
        let file = CStr::from_ptr(name).to_string_lossy().into_owned();
        let op = || Op::Delete { file: file.clone() };
        take_down(&file, op, ffi::SQLITE_IOERR_DELETE, || {
            match (*usual()).xDelete {
                Some(delete) => delete(usual(), name, sync),
                None => ffi::SQLITE_IOERR,
            }
        })
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: See above: the path was made by `open`.
    unsafe {
        drop(Box::from_raw((*file.cast::<File>()).path));
        pass!(file.xClose())
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    count: c_int,
    at: i64,
) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xRead(to, count, at)) }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: i64,
) -> c_int {
    // SAFETY: See above.
    unsafe {
        let op = || Op::Write {
            file: path(file).to_owned(),
            at: at as usize,
            bytes: std::slice::from_raw_parts(from.cast::<u8>(), count as usize).to_vec(),
        };
        take_down(path(file), op, ffi::SQLITE_IOERR_WRITE, || {
            pass!(file.xWrite(from, count, at))
        })
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    // SAFETY: See above.
    unsafe {
        let op = || Op::Truncate {
            file: path(file).to_owned(),
            length: length as usize,
        };
        take_down(path(file), op, ffi::SQLITE_IOERR_TRUNCATE, || {
            pass!(file.xTruncate(length))
        })
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: See above.
    unsafe {
        let op = || Op::Sync {
            file: path(file).to_owned(),
        };
        take_down(path(file), op, ffi::SQLITE_IOERR_FSYNC, || {
            pass!(file.xSync(flags))
        })
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xFileSize(size)) }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xLock(level)) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xUnlock(level)) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xCheckReservedLock(out)) }
}

unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    what: c_int,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xFileControl(what, argument)) }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xSectorSize()) }
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xDeviceCharacteristics()) }
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xShmMap(page, size, extend, out)) }
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    at: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xShmLock(at, count, flags)) }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: See above.
    unsafe {
        let inner = inner(file);
        if let Some(barrier) = (*(*inner).pMethods).xShmBarrier {
            barrier(inner);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: See above.
    unsafe { pass!(file.xShmUnmap(delete)) }
}
