/* Holds a pointer to every table of the boundary: its debug information tells how they are laid out. */
#include <atrium/abi.h>

const atrium_host *anchor_host;
const atrium_plugin *anchor_plugin;
const atrium_http *anchor_http;
const atrium_auth *anchor_auth;
const atrium_db *anchor_db;
const atrium_objects *anchor_objects;
const atrium_keys *anchor_keys;
const atrium_events *anchor_events;
const atrium_jobs *anchor_jobs;
const atrium_services *anchor_services;
const atrium_egress *anchor_egress;
const atrium_settings *anchor_settings;
const atrium_metrics *anchor_metrics;
