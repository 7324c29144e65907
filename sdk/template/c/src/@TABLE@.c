/* The rules that hold between the kernel and a plugin stand at the head of atrium/abi.h. */
#include <atrium/abi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Plugin {
  const atrium_host *host;
  const atrium_http *http;
} Plugin;

static atrium_str text(const char *characters) { return (atrium_str){characters, strlen(characters)}; }

static int32_t failed(atrium_err *error, int32_t code, const char *message) {
  error->code = code;
  snprintf(error->message, sizeof error->message, "%s", message);
  return code;
}

/* [any] Its answer is JSON, and nobody waits for anything: it may run on an I/O thread. */
static int32_t greet(void *self, atrium_request *request) {
  const atrium_http *http = ((const Plugin *)self)->http;
  return http->respond(request, 200, text("application/json"), text("{\"greeting\":\"Hello from C\"}"));
}

static int32_t create(const atrium_host *host, void **self, atrium_err *error) {
  Plugin *plugin = calloc(1, sizeof *plugin);
  if (plugin == NULL) return failed(error, ATRIUM_E_UNAVAILABLE, "no memory");
  plugin->host = host;
  plugin->http = host->get(host, ATRIUM_HTTP);
  if (plugin->http == NULL) {
    free(plugin);
    return failed(error, ATRIUM_E_NOT_FOUND, "this kernel does not offer " ATRIUM_HTTP);
  }
  *self = plugin;
  return ATRIUM_OK;
}

static int32_t start(void *self, atrium_err *error) {
  Plugin *plugin = self;
  return plugin->http->route(plugin->host,
                             text("{\"method\": \"GET\", \"path\": \"/@ID@\", \"access\": [\"user\"], \"runs\": \"io\","
                                  " \"summary\": \"Greet\", \"tag\": \"@NAME@\", \"answers\": {\"200\": {"
                                  "\"type\": \"object\", \"properties\": {\"greeting\": {\"type\": \"string\"}}}}}"),
                             greet, plugin, error);
}

static void destroy(void *self) { free(self); }

const atrium_plugin *atrium_plugin_v1(void) {
  static const atrium_plugin table = {.size = sizeof(atrium_plugin),
                                      .abi_minor = ATRIUM_PLUGIN_ABI_MINOR,
                                      .id = ATRIUM_PLUGIN_ID,
                                      .version = ATRIUM_PLUGIN_VERSION,
                                      .create = create,
                                      .start = start,
                                      .destroy = destroy};
  return &table;
}
