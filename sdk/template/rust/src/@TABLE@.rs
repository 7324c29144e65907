mod abi;

use abi::{Err, Host, Http, PluginTable, Request};
use std::ffi::c_void;
use std::os::raw::c_char;

struct Plugin {
    host: *const Host,
    http: &'static Http,
}

const ROUTE: &str = r#"{"method": "GET", "path": "/@ID@", "access": ["user"], "runs": "io", "summary": "Greet",
  "tag": "@NAME@", "answers": {"200": {"type": "object", "properties": {"greeting": {"type": "string"}}}}}"#;

/// Any thread. Its answer is JSON, and nobody waits for anything: it may run on an I/O thread.
extern "C" fn greet(plugin: *mut c_void, request: *mut Request) -> i32 {
    let plugin = unsafe { &*(plugin as *const Plugin) };
    let body = r#"{"greeting":"Hello from Rust"}"#;
    (plugin.http.respond)(request, 200, "application/json".into(), body.into())
}

extern "C" fn create(host: *const Host, plugin: *mut *mut c_void, error: *mut Err) -> i32 {
    unsafe {
        let http = ((*host).get)(host, abi::HTTP.as_ptr() as *const c_char) as *const Http;
        match http.as_ref() {
            None => (*error).fail(abi::E_NOT_FOUND, "this kernel does not offer atrium.http/1"),
            Some(http) => {
                *plugin = Box::into_raw(Box::new(Plugin { host, http })) as *mut c_void;
                abi::OK
            }
        }
    }
}

extern "C" fn start(plugin: *mut c_void, error: *mut Err) -> i32 {
    let own = unsafe { &*(plugin as *const Plugin) };
    (own.http.route)(own.host, ROUTE.into(), greet, plugin, error)
}

extern "C" fn destroy(plugin: *mut c_void) {
    drop(unsafe { Box::from_raw(plugin as *mut Plugin) });
}

static TABLE: PluginTable = PluginTable {
    size: std::mem::size_of::<PluginTable>() as u32,
    abi_minor: 0,
    id: concat!(env!("ATRIUM_PLUGIN_ID"), "\0").as_ptr() as *const c_char,
    version: concat!(env!("ATRIUM_PLUGIN_VERSION"), "\0").as_ptr() as *const c_char,
    create,
    start,
    quiesce: None,
    destroy,
    health: None,
};

#[no_mangle]
pub extern "C" fn atrium_plugin_v1() -> *const PluginTable {
    &TABLE
}
