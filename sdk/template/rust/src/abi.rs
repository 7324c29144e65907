//! What this plugin needs of atrium/abi.h, slot by slot in its order; the rules stand at the head of that file.
//! Tables only grow at their end, so one that is declared in part is declared rightly.
use std::ffi::c_void;
use std::os::raw::c_char;

pub const OK: i32 = 0;
pub const E_NOT_FOUND: i32 = -2;
pub const HTTP: &str = "atrium.http/1\0";

/// Borrowed until the call returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub data: *const u8,
    pub len: usize,
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Str { data: text.as_ptr(), len: text.len() }
    }
}

#[repr(C)]
pub struct Err {
    pub code: i32,
    pub message: [u8; 252],
}

impl Err {
    /// Fills it and returns the code.
    pub fn fail(&mut self, code: i32, message: &str) -> i32 {
        let length = message.len().min(self.message.len() - 1);
        self.message[..length].copy_from_slice(&message.as_bytes()[..length]);
        self.message[length] = 0;
        self.code = code;
        code
    }
}

pub enum Request {}

#[repr(C)]
pub struct Host {
    pub size: u32,
    pub abi_minor: u32,
    pub get: extern "C" fn(*const Host, *const c_char) -> *const c_void,
    pub log: extern "C" fn(*const Host, i32, Str, Str),
}

pub type HttpFn = extern "C" fn(*mut c_void, *mut Request) -> i32;

#[repr(C)]
pub struct Http {
    pub size: u32,
    pub reserved: u32,
    pub route: extern "C" fn(*const Host, Str, HttpFn, *mut c_void, *mut Err) -> i32,
    pub path: extern "C" fn(*mut Request, Str) -> Str,
    pub query: extern "C" fn(*mut Request, Str) -> Str,
    pub header: extern "C" fn(*mut Request, Str) -> Str,
    pub body: extern "C" fn(*mut Request) -> Str,
    pub request_id: extern "C" fn(*mut Request) -> Str,
    pub principal: extern "C" fn(*mut Request) -> *const c_void,
    pub set_header: extern "C" fn(*mut Request, Str, Str) -> i32,
    pub defer: extern "C" fn(*mut Request) -> i32,
    pub respond: extern "C" fn(*mut Request, i32, Str, Str) -> i32,
}

#[repr(C)]
pub struct PluginTable {
    pub size: u32,
    pub abi_minor: u32,
    pub id: *const c_char,
    pub version: *const c_char,
    pub create: extern "C" fn(*const Host, *mut *mut c_void, *mut Err) -> i32,
    pub start: extern "C" fn(*mut c_void, *mut Err) -> i32,
    pub quiesce: Option<extern "C" fn(*mut c_void, i64, *mut Err) -> i32>,
    pub destroy: extern "C" fn(*mut c_void),
    pub health: Option<extern "C" fn(*mut c_void, *mut Err) -> i32>,
}

// Nothing in it changes.
unsafe impl Sync for PluginTable {}
