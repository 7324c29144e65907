/* atrium/abi.h - the only binary contract between the kernel and a plugin. C11, no dependencies.
 *
 * LAYOUT   Tables begin with `size` = sizeof at build time; slots are only appended, never moved or removed;
 *          use a slot only if ATRIUM_HAS() it. atrium_str, atrium_value and atrium_err are frozen for ever.
 * STRINGS  UTF-8, not NUL-terminated; an argument is borrowed until the call returns.
 * MEMORY   Nobody frees the other side's memory: results come by callback or by an opaque handle.
 * ERRORS   A status < 0 is a failure, its details in the caller's atrium_err (never NULL). Nothing may throw,
 *          unwind or longjmp across any function below, in either direction.
 * THREADS  [any]  any thread, concurrently.
 *          [life] one at a time per plugin, never inside [any]; registrations belong into start().
 *          [tx]   inside the transaction's function only, on the thread that runs it.
 *          [pool] any thread that may wait: no I/O thread ("runs": "io"), and not inside a transaction's function.
 *          [handler] the thread of the request's handler, before that returns.
 * UNLOAD   Host: stops new calls, waits for running ones, quiesce(), revokes handles, destroy().
 *          Plugin: after destroy() no thread, callback or pointer into its code may remain.
 * VERSION  Frozen as 1.0. A plugin of minor N runs on every kernel 1.M with M >= N: the kernel offers what it has,
 *          and refuses a plugin that needs a newer minor. An id that ends in ".draft/0" promises nothing. */
#ifndef ATRIUM_ABI_H
#define ATRIUM_ABI_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define ATRIUM_ABI_MINOR 0u
#define ATRIUM_HAS(table, slot) ((table)->size >= offsetof(__typeof__(*(table)), slot) + sizeof((table)->slot))

enum {
  ATRIUM_OK = 0,
  ATRIUM_PENDING = 1, /* the answer comes later, through the handle or callback named by the function */
  ATRIUM_E_INVALID = -1,
  ATRIUM_E_NOT_FOUND = -2,
  ATRIUM_E_DENIED = -3,
  ATRIUM_E_CONFLICT = -4,
  ATRIUM_E_UNAVAILABLE = -5, /* may be tried again later */
  ATRIUM_E_TIMEOUT = -6,
  ATRIUM_E_INTERNAL = -7,
  ATRIUM_E_CANCELLED = -8
};

typedef struct atrium_str {
  const char *data;
  size_t len;
} atrium_str;

typedef struct atrium_err {
  int32_t code; /* one of ATRIUM_E_* */
  char message[252]; /* NUL-terminated */
} atrium_err;

enum { ATRIUM_NULL = 1, ATRIUM_BOOL, ATRIUM_INT, ATRIUM_REAL, ATRIUM_TEXT };
typedef struct atrium_value {
  int32_t type, reserved;
  union {
    int64_t i; /* ATRIUM_BOOL, ATRIUM_INT */
    double d;  /* ATRIUM_REAL */
    atrium_str s;
  } as;
} atrium_value;

typedef struct atrium_host atrium_host;           /* one per plugin, valid from create() to destroy() */
typedef struct atrium_request atrium_request;     /* valid until responded */
typedef struct atrium_principal atrium_principal; /* borrowed from a request or call, or owned: copy(), act_as() */
typedef struct atrium_tx atrium_tx;               /* valid inside the transaction's function */
typedef struct atrium_sub atrium_sub;
typedef struct atrium_timer atrium_timer;
typedef struct atrium_call atrium_call;           /* an incoming service call, valid until replied */
typedef struct atrium_pending atrium_pending;     /* an outgoing call or exchange, valid until its last callback */

struct atrium_host {
  uint32_t size, abi_minor;
  /* [any] An interface's table by its id, which is NUL-terminated. It stays until destroy(). NULL when this kernel
   * lacks the interface, or plugin.json lists interfaces and not this one. */
  const void *(*get)(const atrium_host *, const char *id);
  /* [any] A line of the kernel's log, under the plugin's id. level: 0 trace, 1 debug, 2 info, 3 warning, 4 error.
   * fields_json: an object, or empty. No secret belongs into either. */
  void (*log)(const atrium_host *, int32_t level, atrium_str message, atrium_str fields_json);
};

/* ---- HTTP: routes of this plugin ------------------------------------------------------------------------------ */
#define ATRIUM_HTTP "atrium.http/1"
/* Returns ATRIUM_OK (responded), ATRIUM_PENDING (after defer()), or < 0: the host answers 500. */
typedef int32_t (*atrium_http_fn)(void *self, atrium_request *);
typedef void (*atrium_notify_fn)(void *ctx);
/* Called exactly once, on any thread: 1 when it is cancelled, 0 when it has ended and cannot be cancelled any more. */
typedef void (*atrium_cancel_fn)(void *ctx, int32_t cancelled);
/* A piece of a streamed body; last: nothing follows. Return < 0 to refuse the rest, ATRIUM_PENDING to pause. */
typedef int32_t (*atrium_body_fn)(void *ctx, atrium_str data, int32_t last, const atrium_err *failure_or_null);

typedef struct atrium_http {
  uint32_t size, reserved;
  /* [life] A route, below /api/v1. declaration: {"method", "path", "access": ["none|user|admin|KIND"...], "summary",
   * "description"?, "tag"?, "runs": "fast_read|io|pool", "query"?: [OpenAPI parameters], "body"?: schema,
   * "body_type"?: "json|merge|stream", "required"?: bool (the body), "answers": {"200": schema or null}, "write"?:
   * bool (default: method is not GET), "viewer"?: bool (a viewer may call it although it writes), "idempotency"?: bool
   * (default true: an Idempotency-Key is honoured)}.
   *
   * access: who may call, any of; KIND is a kind of principal that this plugin issues tokens for, such as "worker", or
   * "link": whoever holds a path that sign_path() of atrium.auth made.
   *
   * runs: "io" promises never to wait; "fast_read" does nothing but short reads of the store, and runs on an I/O
   * thread where the store is embedded; "pool", the default, may wait.
   * ATRIUM_E_DENIED: plugin.json does not list the path, or one above it, under "routes".
   * ATRIUM_E_INVALID: the message names what is wrong in the declaration, or start() is over. */
  int32_t (*route)(const atrium_host *, atrium_str declaration_json, atrium_http_fn, void *self, atrium_err *);
  /* [any] A parameter of the path, such as "id" of /notes/{id}, percent-decoded; empty when absent. It and what the
   * functions below give is borrowed until the request is answered. */
  atrium_str (*path)(atrium_request *, atrium_str name);
  /* [any] A parameter of the query, percent-decoded; data NULL when absent. */
  atrium_str (*query)(atrium_request *, atrium_str name);
  /* [any] A header of the request, in any case of its name; data NULL when absent. */
  atrium_str (*header)(atrium_request *, atrium_str name);
  /* [any] The whole body, of a route that does not stream it; at most http.max_body bytes. */
  atrium_str (*body)(atrium_request *);
  /* [any] The id that stands in the log, in the audit rows and in the answer's X-Request-Id. */
  atrium_str (*request_id)(atrium_request *);
  /* [any] Who asks, borrowed until the answer; NULL where access is "none" and nobody signed in. */
  const atrium_principal *(*principal)(atrium_request *);
  /* [any] Adds a header to the answer, before it begins.
   * ATRIUM_E_INVALID: the answer has begun, it is no header, or it is one of the framing (Content-Length,
   * Transfer-Encoding, Connection), which is the kernel's. */
  int32_t (*set_header)(atrium_request *, atrium_str name, atrium_str value);
  /* [handler] Keeps the request beyond its handler, which then returns ATRIUM_PENDING; any thread answers later.
   * ATRIUM_E_INVALID: the request has been answered. */
  int32_t (*defer)(atrium_request *);
  /* [any] The answer, once; consumes the request. status: 200 to 599; type: empty for an answer without a body.
   * ATRIUM_E_INVALID: it has been answered or is being streamed, or status or type is none; nothing is consumed. */
  int32_t (*respond)(atrium_request *, int32_t status, atrium_str type, atrium_str body);
  /* [any] 1 when the client has gone, or the request has been answered. */
  int32_t (*cancelled)(atrium_request *);
  /* [any] Tells ctx when the client goes before the answer is complete. Once for a request. */
  void (*on_cancel)(atrium_request *, atrium_cancel_fn, void *ctx);
  /* [any] Begins an answer that comes in pieces, after set_header().
   * ATRIUM_E_INVALID: it has begun already, or status or type is none. */
  int32_t (*stream_begin)(atrium_request *, int32_t status, atrium_str type);
  /* [any] A piece of it; one call at a time. All of data is taken. ATRIUM_PENDING when the client lags: then write on
   * when on_writable was called, once.
   * ATRIUM_E_CANCELLED: the client has gone; end the answer.
   * ATRIUM_E_INVALID: no answer has begun. */
  int32_t (*stream_write)(atrium_request *, atrium_str data, atrium_notify_fn on_writable, void *ctx);
  /* [any] Ends it, complete; consumes the request.
   * ATRIUM_E_INVALID: no answer has begun. */
  int32_t (*stream_end)(atrium_request *);
  /* [any] Asks for the body of a route with "body_type": "stream", once: the pieces come one after another on pool
   * threads.
   * ATRIUM_E_INVALID: it was asked for, or the route's body does not stream. */
  int32_t (*body_read)(atrium_request *, atrium_body_fn, void *ctx);
  /* [any] Goes on after the body function answered ATRIUM_PENDING; also while it still runs.
   * ATRIUM_E_INVALID: the body is not being read, or not paused. */
  int32_t (*body_resume)(atrium_request *);
  /* [any] The path and the query as they were sent. */
  atrium_str (*target)(atrium_request *);
  /* [any] "https://host:port", as the client addressed this kernel. */
  atrium_str (*origin)(atrium_request *);
  /* [any] Before stream_begin(): exactly so many bytes will be written, and the client is told.
   * ATRIUM_E_INVALID: the answer has begun, or bytes is below 0. */
  int32_t (*stream_length)(atrium_request *, int64_t bytes);
  /* [any] Breaks the answer off: the client sees that it is not complete. Consumes the request.
   * ATRIUM_E_INVALID: no answer has begun. */
  int32_t (*stream_abort)(atrium_request *);
} atrium_http;

/* ---- Who is asking ------------------------------------------------------------------------------------------ */
#define ATRIUM_AUTH "atrium.auth/1"
typedef struct atrium_auth {
  uint32_t size, reserved;
  /* [any] "user", "plugin", "link", or a kind of a plugin's own, such as "worker" or "agent". */
  atrium_str (*kind)(const atrium_principal *);
  /* [any] The id of the account, or of what the plugin named. */
  atrium_str (*id)(const atrium_principal *);
  /* [any] "admin", "member" or "viewer" of a user; empty for others. */
  atrium_str (*role)(const atrium_principal *);
  /* [any] One that outlives its request or call. Owned: free() it. NULL of NULL. */
  atrium_principal *(*copy)(const atrium_principal *);
  /* [any] A principal for work this plugin does in somebody's name, such as ("agent", id). Owned: free() it. NULL when
   * kind (1 to 64 bytes) or id (1 to 200) does not fit. */
  atrium_principal *(*act_as)(const atrium_host *, atrium_str kind, atrium_str id);
  /* [any] Ends an owned one, and owned ones only. */
  void (*free)(atrium_principal *);
  /* [tx] Makes a bearer token for a principal of this plugin's own, such as ("worker", id). token receives it, this
   * once: it is stored hashed. It works from the commit on.
   * ATRIUM_E_INVALID: kind (1 to 64 bytes) is user, plugin or system, or id (1 to 200) does not fit. */
  int32_t (*issue_token)(const atrium_host *, atrium_tx *, atrium_str kind, atrium_str id,
                         void (*token)(void *ctx, atrium_str), void *ctx, atrium_err *);
  /* [tx] Makes every token of that principal useless, from the commit on.
   * ATRIUM_E_INVALID: as issue_token(). */
  int32_t (*revoke_tokens)(const atrium_host *, atrium_tx *, atrium_str kind, atrium_str id, atrium_err *);
  /* [any] The path of a GET route of this plugin with access "link", such as "/files/ID/download", as a target that
   * works without a token until then, and with no byte changed: "/api/v1/files/ID/download?expires=..&signature=..".
   * ATRIUM_E_INVALID: path does not begin with "/", has a query, or is longer than 2000 bytes. */
  int32_t (*sign_path)(const atrium_host *, atrium_str path, int64_t expires_us,
                       void (*target)(void *ctx, atrium_str), void *ctx, atrium_err *);
} atrium_auth;

/* ---- Storage ------------------------------------------------------------------------------------------------- */
#define ATRIUM_DB "atrium.db/1"
typedef int32_t (*atrium_row_fn)(void *ctx, const atrium_value *columns, size_t n); /* != 0 stops the query */
typedef int32_t (*atrium_tx_fn)(void *ctx, atrium_tx *); /* ATRIUM_OK commits, anything else rolls back */
typedef void (*atrium_done_fn)(void *ctx, int32_t status, const atrium_err *failure_or_null);
typedef struct atrium_db {
  uint32_t size, reserved;
  /* [any] "sqlite" or "postgresql". */
  atrium_str (*dialect)(const atrium_host *);
  /* [any|tx] One statement; `?` stands for the parameters in order. With a tx: [tx], else [any] and only reading.
   * Columns arrive as ATRIUM_TEXT or ATRIUM_NULL, booleans as "1"/"0" or "t"/"f", borrowed until the row function
   * returns. affected, or NULL, receives the number of rows changed.
   * ATRIUM_E_CONFLICT: a constraint refused; its name is in the message.
   * ATRIUM_E_DENIED: it names a table that plugin.json does not list, or is more than reading and changing rows.
   * ATRIUM_E_INVALID: a value does not fit (U+0000, out of range), or the tx is not running here.
   * ATRIUM_E_TIMEOUT: the statement ran longer than it may.
   * ATRIUM_E_INTERNAL: the SQL is wrong, or has another number of parameters.
   * ATRIUM_E_UNAVAILABLE: the database cannot be reached, or is too busy. */
  int32_t (*exec)(const atrium_host *, atrium_tx *or_null, atrium_str sql, const atrium_value *params, size_t n,
                  atrium_row_fn or_null_fn, void *ctx, int64_t *affected, atrium_err *);
  /* [pool] Runs fn inside one transaction on a thread of the kernel's, together with others that wait, and waits for
   * the commit: on any thread but I/O threads and those of other transactions' functions. fn may be run again (a
   * serialisation fault, a neighbour's failure): it does SQL, record() and calls with its tx, and nothing else. What
   * fn returns is returned. The principal (or NULL: this plugin itself) stands in the audit rows. timeout_ms: at most
   * ten minutes.
   * ATRIUM_E_INVALID: timeout_ms is not above 0, or it was called inside a transaction.
   * ATRIUM_E_TIMEOUT: it did not commit in time.
   * ATRIUM_E_UNAVAILABLE: the database cannot be reached, or too many wait. */
  int32_t (*transact)(const atrium_host *, const atrium_principal *, atrium_tx_fn, void *ctx, int64_t timeout_ms,
                      atrium_err *);
  /* [any] The same without waiting. done is called exactly once after the commit or the failure, on a thread that must
   * not be kept waiting; its failure is as transact() would return it. */
  void (*transact_async)(const atrium_host *, const atrium_principal *, atrium_tx_fn, void *ctx, int64_t timeout_ms,
                         atrium_done_fn done);
} atrium_db;

/* ---- Objects: bytes that are too large for a row --------------------------------------------------------------- */
#define ATRIUM_OBJECTS "atrium.objects/1"
typedef struct atrium_upload atrium_upload; /* an object on its way in, valid until finish() or abandon() */
/* Ids are 1 to 100 of a-z A-Z 0-9 _ -, each plugin's its own. Write the bytes, then the row that names them; sweep what a
 * crash left without a row. [pool] may wait for a disk or another host: any thread but I/O threads, and no transaction. */
typedef struct atrium_objects {
  uint32_t size, reserved;
  /* [pool] Begins an object; end it by finish() or abandon().
   * ATRIUM_E_INVALID: the id.
   * ATRIUM_E_UNAVAILABLE: the store cannot be reached, or 256 uploads are under way. */
  int32_t (*put)(const atrium_host *, atrium_str id, atrium_upload **, atrium_err *);
  /* [pool] Adds bytes, one call at a time.
   * ATRIUM_E_INVALID: the upload is over.
   * ATRIUM_E_UNAVAILABLE: the store does not take them. */
  int32_t (*append)(atrium_upload *, atrium_str data, atrium_err *);
  /* [pool] Consumes the upload. ATRIUM_OK: the object survives a power failure and can be read. sha256: in hex.
   * ATRIUM_E_CONFLICT: the id is taken.
   * ATRIUM_E_INVALID: the upload is over. */
  int32_t (*finish)(atrium_upload *, void (*stored)(void *ctx, int64_t bytes, atrium_str sha256), void *ctx,
                    atrium_err *);
  /* [pool] Consumes the upload; nothing of it remains. */
  void (*abandon)(atrium_upload *);
  /* [pool] At most length bytes from offset, piece by piece; != 0 from piece stops.
   * ATRIUM_E_NOT_FOUND: there is no such object.
   * ATRIUM_E_INVALID: offset is past its end, or one of both is below 0. */
  int32_t (*read)(const atrium_host *, atrium_str id, int64_t offset, int64_t length,
                  int32_t (*piece)(void *ctx, atrium_str data), void *ctx, atrium_err *);
  /* [any] Answers a request with these bytes, sent by the kernel as the client takes them; consumes the request unless
   * it fails. Headers come from set_header(), the length from here.
   * ATRIUM_E_INVALID: the request has been answered, or an argument is wrong.
   * ATRIUM_E_UNAVAILABLE: the pool's queue is full. */
  int32_t (*respond)(atrium_request *, int32_t status, atrium_str type, atrium_str id, int64_t offset, int64_t length,
                     atrium_err *);
  /* [pool] Removes an object; who is reading it may still get all of it.
   * ATRIUM_E_NOT_FOUND: there was none. */
  int32_t (*remove)(const atrium_host *, atrium_str id, atrium_err *);
  /* [pool] Every object of this plugin, in no order; != 0 from row stops. Leave the young ones to their uploads. */
  int32_t (*list)(const atrium_host *, int32_t (*row)(void *ctx, atrium_str id, int64_t bytes, int64_t age_seconds),
                  void *ctx, atrium_err *);
  /* [any] A URL of the store's own that works without credentials for so long, 1 second to 7 days; headers_json:
   * {"content-type"?, "content-disposition"?} of its answer.
   * ATRIUM_E_NOT_FOUND: this store makes none, use sign_path(). */
  int32_t (*presign)(const atrium_host *, atrium_str id, int64_t seconds, atrium_str headers_json,
                     void (*url)(void *ctx, atrium_str), void *ctx, atrium_err *);
} atrium_objects;

/* ---- Keys: the master key stays inside the kernel, as in a key management service ------------------------------- */
#define ATRIUM_KEYS "atrium.keys/1"
typedef void (*atrium_text_fn)(void *ctx, atrium_str);
/* For the one plugin that keeps secrets for all others; needs the grant "keys": true. */
typedef struct atrium_keys {
  uint32_t size, reserved;
  /* [any] Encrypts at most 64 bytes under the current master key, bound to this plugin and to context; the result is
   * text: "KEYID.BASE64".
   * ATRIUM_E_INVALID: plain is longer. */
  int32_t (*wrap)(const atrium_host *, atrium_str context, atrium_str plain, atrium_text_fn, void *ctx, atrium_err *);
  /* [any] Decrypts what wrap() made.
   * ATRIUM_E_DENIED: it was changed, or is of another plugin or context.
   * ATRIUM_E_NOT_FOUND: its master key is gone. */
  int32_t (*unwrap)(const atrium_host *, atrium_str context, atrium_str wrapped, atrium_text_fn, void *ctx,
                    atrium_err *);
  /* [any] The KEYID of what wrap() makes now. */
  void (*current)(const atrium_host *, atrium_text_fn, void *ctx);
  /* [pool] Makes the next master key, durably, and wraps under it from now on; the former still unwraps. While a
   * former one is still there (a rotation under way) it makes none and answers ATRIUM_OK.
   * ATRIUM_E_INVALID: the operator gives the keys; the message says what to do. */
  int32_t (*rotate)(const atrium_host *, atrium_err *);
  /* [pool] Forgets the former key: when nothing is wrapped by it any more. */
  int32_t (*retire)(const atrium_host *, atrium_err *);
} atrium_keys;

/* ---- Events and audit ---------------------------------------------------------------------------------------- */
#define ATRIUM_EVENTS "atrium.events/1"
/* One change: an audit row, and an event when topic is not empty. */
typedef struct atrium_change {
  uint32_t size, reserved;
  atrium_str action;      /* "task.created"; stands in the audit row */
  atrium_str resource;    /* the kind: "task" */
  atrium_str resource_id;
  atrium_str topic;       /* event type; empty: audit row only */
  atrium_str data_json;   /* the whole resource */
  atrium_str owner;       /* empty: every member may see the event; else this user's id, and nobody else */
  atrium_str outcome;     /* of the audit row: empty or "success"; "failure": it was tried, and refused or not done */
} atrium_change;
typedef struct atrium_event {
  uint32_t size, reserved;
  int64_t sequence, time_us;
  atrium_str topic, resource_id, owner, data_json, actor; /* actor: "user:ID", "agent:ID", "plugin:ID" */
} atrium_event;
typedef void (*atrium_event_fn)(void *self, const atrium_event *);
typedef int32_t (*atrium_durable_fn)(void *self, const atrium_event *); /* < 0: deliver again later, from this one */
typedef struct atrium_events {
  uint32_t size, reserved;
  /* [tx] Records a change: its audit row and its event are there when the transaction commits, and only then.
   * ATRIUM_E_INVALID: action or resource is empty, or the outcome is none. */
  int32_t (*record)(atrium_tx *, const atrium_change *, atrium_err *);
  /* [any] Live: every event that matches from now on, best effort, on a pool thread, in order; who lets 4096 wait
   * misses some. pattern: "task.created", "task.*", "*". End it by unsubscribe().
   * ATRIUM_E_INVALID: the pattern. */
  int32_t (*subscribe)(const atrium_host *, atrium_str pattern, atrium_event_fn, void *self, atrium_sub **, atrium_err *);
  /* [life] Durable: every matching event at least once, in order, after its commit, across restarts and nodes; the
   * cursor is kept under (plugin, name). A new name starts at the log's end. name: 1 to 100 bytes.
   * ATRIUM_E_INVALID: the name or the pattern. */
  int32_t (*subscribe_durable)(const atrium_host *, atrium_str name, atrium_str pattern, atrium_durable_fn, void *self,
                               atrium_sub **, atrium_err *);
  /* [any] Ends a subscription, and returns when no call runs; from its own callback: no call follows its return. A
   * durable cursor stays. */
  void (*unsubscribe)(atrium_sub *);
} atrium_events;

/* ---- Threads and timers: a plugin does not start its own ------------------------------------------------------ */
#define ATRIUM_JOBS "atrium.jobs/1"
typedef void (*atrium_job_fn)(void *self);
typedef struct atrium_jobs {
  uint32_t size, reserved;
  /* [any] Runs a job soon, on a pool thread.
   * ATRIUM_E_UNAVAILABLE: the pool's queue is full.
   * ATRIUM_E_CANCELLED: the plugin is being stopped. */
  int32_t (*post)(const atrium_host *, atrium_job_fn, void *self, atrium_err *);
  /* [any] Runs a job once, after so long, on a pool thread. cancel() may still come when it has run, and then does
   * nothing.
   * ATRIUM_E_INVALID: delay_ms is below 0, or more than ten years.
   * ATRIUM_E_CANCELLED: the plugin is being stopped. */
  int32_t (*after)(const atrium_host *, int64_t delay_ms, atrium_job_fn, void *self, atrium_timer **or_null,
                   atrium_err *);
  /* [any] Runs a job again and again, on pool threads; it never overlaps itself. End it by cancel().
   * ATRIUM_E_INVALID: period_ms is not above 0, or more than ten years.
   * ATRIUM_E_CANCELLED: the plugin is being stopped. */
  int32_t (*every)(const atrium_host *, int64_t period_ms, atrium_job_fn, void *self, atrium_timer **,
                   atrium_err *);
  /* [any] Consumes the timer, and returns when no call runs; from its own callback: no call follows its return. */
  void (*cancel)(atrium_timer *);
} atrium_jobs;

/* ---- Services: plugins never hold each other's pointers ------------------------------------------------------- */
#define ATRIUM_SERVICES "atrium.services/1"
/* The provider replies now or later; with a tx (call_tx) before it returns, and only by SQL. */
typedef int32_t (*atrium_service_fn)(void *self, atrium_call *);
typedef void (*atrium_chunk_fn)(void *ctx, atrium_str json); /* a piece of a streaming reply, in order */
typedef void (*atrium_reply_fn)(void *ctx, int32_t status, atrium_str json); /* last, exactly once */
typedef struct atrium_services {
  uint32_t size, reserved;
  /* [life] Provides a service: "kind/name", such as "agent.tool/calculator". metadata: what find() shows of it.
   * ATRIUM_E_INVALID: the name is none, the metadata is no JSON, or the name is provided already. */
  int32_t (*provide)(const atrium_host *, atrium_str service, atrium_str metadata_json, atrium_service_fn, void *self,
                     atrium_err *);
  /* [any] Every present service of a kind, or one by its full name: row(ctx, service, metadata_json). */
  int32_t (*find)(const atrium_host *, atrium_str kind_or_service,
                  void (*row)(void *ctx, atrium_str service, atrium_str metadata_json), void *ctx);
  /* [any|tx] Without a tx: [any], never waits, the callbacks come from any thread. With a tx: [tx], and reply comes
   * before the call returns. who: in whose name, NULL: this plugin's own. timeout_ms: at most 24 hours. At the
   * deadline, or at cancel(), reply comes with ATRIUM_E_TIMEOUT or ATRIUM_E_CANCELLED. In reply a status < 0 is the
   * provider's failure: json is {"message", ...}. Where the call itself returns < 0, no callback comes.
   * ATRIUM_E_NOT_FOUND: nobody provides it.
   * ATRIUM_E_INVALID: timeout_ms is not above 0, or the tx is not running here.
   * ATRIUM_E_CANCELLED: this plugin is being stopped. */
  int32_t (*call)(const atrium_host *, atrium_tx *tx_or_null, const atrium_principal *who_or_null, atrium_str service,
                  atrium_str method, atrium_str json, int64_t timeout_ms, atrium_chunk_fn or_null_chunk,
                  atrium_reply_fn reply, void *ctx, atrium_pending **or_null_pending, atrium_err *);
  /* [any] Before the reply; reply still comes. */
  void (*cancel)(atrium_pending *);
  /* [any] The provider's side: the method that is called. It and what the functions below give is borrowed until the
   * reply. */
  atrium_str (*call_method)(atrium_call *);
  /* [any] The arguments, as JSON. */
  atrium_str (*call_json)(atrium_call *);
  /* [any] The caller's transaction, to be used on this thread and before the provider returns; NULL: the call is not
   * inside one. */
  atrium_tx *(*call_tx)(atrium_call *);
  /* [any] In whose name the call is made; NULL: the calling plugin itself. */
  const atrium_principal *(*call_principal)(atrium_call *);
  /* [any] 1: nobody waits any more, because of a cancellation or the deadline. */
  int32_t (*call_cancelled)(atrium_call *);
  /* [any] Tells ctx when nobody waits any more. Once for a call. */
  void (*on_cancel)(atrium_call *, atrium_cancel_fn, void *ctx);
  /* [any] A piece of a streaming reply.
   * ATRIUM_E_CANCELLED: nobody waits any more. */
  int32_t (*emit)(atrium_call *, atrium_str json);
  /* [any] The reply, once; consumes the call. status: ATRIUM_OK, or < 0 with {"message", ...}.
   * ATRIUM_E_INVALID: it has been replied to. */
  int32_t (*reply)(atrium_call *, int32_t status, atrium_str json);
  /* [any] The id of the plugin that calls, or "kernel". */
  atrium_str (*call_caller)(atrium_call *);
} atrium_services;

/* ---- Egress: the one way out to other hosts -------------------------------------------------------------------- */
#define ATRIUM_EGRESS "atrium.egress/1"
typedef struct atrium_exchange {
  uint32_t size, reserved;
  /* On pool threads, one after another. headers_json: {"name": "value"}, lower case. */
  void (*head)(void *ctx, int32_t status, atrium_str headers_json);
  int32_t (*data)(void *ctx, atrium_str piece); /* < 0 abandons the exchange */
  void (*done)(void *ctx, int32_t status, const atrium_err *failure_or_null); /* last, exactly once */
} atrium_exchange;
typedef void (*atrium_connected_fn)(void *ctx, int32_t fd, atrium_str address, int32_t status,
                                    const atrium_err *failure_or_null);
typedef struct atrium_egress {
  uint32_t size, reserved;
  /* [any] Sends a request to another host. request: {"method", "url", "headers"?: {}, "connect_timeout_ms"?,
   * "idle_timeout_ms"?, "timeout_ms"?, "max_bytes"? (of the answer, default 8 MiB), "redirects"? (0 by default, at
   * most 10), "trust": "user|operator"}.
   *
   * "user": an address that users, agents or templates name: special address ranges are refused. "operator": the
   * operator configured it. Each needs its grant, "egress" in plugin.json; where that lists hosts, "user" goes to those
   * and no others. What goes wrong later comes to done.
   * ATRIUM_E_DENIED: plugin.json does not ask for this trust; in done: the host or its address was refused before a
   * packet left.
   * ATRIUM_E_INVALID: a member of the request is wrong; in done: the answer is larger than max_bytes.
   * ATRIUM_E_UNAVAILABLE: in done: the host cannot be reached, or broke off.
   * ATRIUM_E_TIMEOUT: in done: one of the times is over. */
  int32_t (*send)(const atrium_host *, atrium_str request_json, atrium_str body, const atrium_exchange *, void *ctx,
                  atrium_pending **, atrium_err *);
  /* [any] Before done; done still comes. Also for dial() and wait(). */
  void (*cancel)(atrium_pending *);
  /* [any] A connected TCP socket for another protocol, its address checked as by send(). request: {"host", "port",
   * "connect_timeout_ms"?, "trust"}. connected comes once, on a pool thread; fd is non-blocking and the plugin's to
   * close, -1 on failure; address: the one that was dialled. It fails as send() does. */
  int32_t (*dial)(const atrium_host *, atrium_str request_json, atrium_connected_fn, void *ctx, atrium_pending **,
                  atrium_err *);
  /* [any] Waits, on no thread, until a socket can be read (1), written (2) or either (3), at most a day. ready comes
   * once, on a pool thread: ATRIUM_OK, _TIMEOUT or _CANCELLED. Close the socket after that.
   * ATRIUM_E_INVALID: events or timeout_ms. */
  int32_t (*wait)(const atrium_host *, int32_t fd, int32_t events, int64_t timeout_ms, atrium_done_fn ready, void *ctx,
                  atrium_pending **, atrium_err *);
  /* [any] What can be told of a URL without a lookup, before it is stored. A name's address is judged when it is
   * dialled, each time.
   * ATRIUM_E_INVALID: it is malformed.
   * ATRIUM_E_DENIED: it names an address, or a host, that send() refuses. */
  int32_t (*check)(const atrium_host *, atrium_str url, atrium_str trust, atrium_err *);
} atrium_egress;

/* ---- Settings and metrics --------------------------------------------------------------------------------------- */
#define ATRIUM_SETTINGS "atrium.settings/1"
typedef struct atrium_settings {
  uint32_t size, reserved;
  /* [any] This plugin's table of the configuration ([plugin.ID]) as a JSON object. */
  void (*configuration)(const atrium_host *, void (*value)(void *ctx, atrium_str json), void *ctx);
  /* [any] A variable of the environment that plugin.json lists under "environment". value is not called where it is
   * unset or not listed. */
  void (*environment)(const atrium_host *, atrium_str name, void (*value)(void *ctx, atrium_str), void *ctx);
  /* [any] The value, as JSON, of a setting that plugin.json declares, as it is now: an admin changes it at run time.
   * Read from memory, so read it where it is used and keep no copy.
   * ATRIUM_E_NOT_FOUND: plugin.json declares none. */
  int32_t (*setting)(const atrium_host *, atrium_str key, void (*value)(void *ctx, atrium_str json), void *ctx,
                     atrium_err *);
} atrium_settings;

#define ATRIUM_METRICS "atrium.metrics/1"
typedef struct atrium_metrics {
  uint32_t size, reserved;
  /* [any] Adds to a counter. It is shown as atrium_<plugin>_<name>, hyphens of the id as _. name: a-z 0-9 _. labels: a
   * JSON object of strings, or empty; at most 1000 label sets a name. What does not fit is logged and dropped. */
  void (*add)(const atrium_host *, atrium_str name, atrium_str labels_json, double delta);
  /* [any] Sets a gauge, named and labelled as by add(). */
  void (*set)(const atrium_host *, atrium_str name, atrium_str labels_json, double value);
  /* [any] Puts a value, in seconds, into a histogram, named and labelled as by add(). */
  void (*observe)(const atrium_host *, atrium_str name, atrium_str labels_json, double value);
} atrium_metrics;

/* ---- The plugin's side -------------------------------------------------------------------------------------------- */
typedef struct atrium_plugin {
  uint32_t size, abi_minor; /* abi_minor: the lowest kernel minor this plugin needs */
  const char *id, *version; /* NUL-terminated, static, equal to plugin.json */
  /* [life] Makes the plugin; *self is handed to every function below. The tables can be fetched from here on. Any
   * failure leaves the plugin in the state "failed", with the message as its reason. */
  int32_t (*create)(const atrium_host *, void **self, atrium_err *);
  /* [life] Registers routes, services and subscriptions; traffic follows ATRIUM_OK. The migrations have been applied.
   * A failure is taken as one of create(), and what was registered is taken back. */
  int32_t (*start)(void *self, atrium_err *);
  /* [life] Ends the plugin's own work within the deadline: no request and no call comes any more. < 0, or no return in
   * time: it stays loaded and destroy() is not called. NULL: there is nothing to end. */
  int32_t (*quiesce)(void *self, int64_t deadline_ms, atrium_err *);
  /* [life] Frees the plugin; nothing of it runs any more. */
  void (*destroy)(void *self);
  /* [any] ATRIUM_OK, or < 0 with what is wrong: /health is degraded, /settings/health says why. NULL: always well. */
  int32_t (*health)(void *self, atrium_err *);
} atrium_plugin;
#define ATRIUM_ENTRY "atrium_plugin_v1" /* the ABI major is in the symbol: a break adds atrium_plugin_v2 */
__attribute__((visibility("default"))) const atrium_plugin *atrium_plugin_v1(void);

#ifdef __cplusplus
}
#endif
#endif
