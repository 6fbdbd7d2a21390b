/*
 * The numbers that a zone tells of itself: a row for each, in the order of
 * INFO.  Not a header of its own; see ks_metrics.h and ks_metrics.c.
 *
 *   EVENT(id, section, name, series, unit, help)      counted with
 *       ks_count(zone, KS_COUNT_id); the row makes its place in the zone
 *   PARTS(field, section, name, series, unit, help)   counted in the field of
 *       the zone that each process has a part of
 *   SHARDS(field, reset, section, name, series, unit, help)   counted in that
 *       field of each shard; RESET: CONFIG RESETSTAT begins anew, KEPT: it does
 *       not
 *   ASKED(function, section, name, series, unit, help)        a level, and no
 *       counter: the function says it
 *
 * name is that of INFO, series that of Prometheus (redis_exporter's, if it has
 * one); NULL: no series.  unit: "" for what is a plain number; "bytes+" is
 * shown once more as people read it, and "ms" is shown by Prometheus in
 * seconds.
 */

ASKED(ks_metric_uptime, "server", "uptime_in_seconds",
    "redis_uptime_in_seconds", "seconds",
    "Time since the zone was laid out.")
ASKED(ks_metric_uptime_days, "server", "uptime_in_days",
    NULL, "days",
    "Time since the zone was laid out.")

ASKED(ks_metric_clients, "clients", "connected_clients",
    "redis_connected_clients", "",
    "RESP connections of all workers.")
ASKED(ks_metric_trackers, "clients", "tracking_clients",
    "redis_tracking_clients", "",
    "Of these, those that are told of changes of what they keep.")

ASKED(ks_metric_used, "memory", "used_memory",
    "redis_memory_used_bytes", "bytes+",
    "Pages in use, with the layout of the zone.")
ASKED(ks_metric_overhead, "memory", "used_memory_overhead",
    "redis_memory_used_overhead_bytes", "bytes",
    "Layout of the zone: index, page table, locks.")
ASKED(ks_metric_dataset, "memory", "used_memory_dataset",
    "redis_memory_used_dataset_bytes", "bytes",
    "Pages in use, without the layout.")
ASKED(ks_metric_size, "memory", "maxmemory",
    "redis_memory_max_bytes", "bytes+",
    "Size of the zone.")
ASKED(ks_metric_shards, "memory", "keyspace_shards",
    "keyspace_shards", "",
    "Parts of the zone that have a lock of their own.")

ASKED(ks_metric_unsaved, "persistence", "rdb_changes_since_last_save",
    "redis_rdb_changes_since_last_save", "",
    "Changes of keys since the last snapshot was begun that is complete.")
EVENT(SAVES, "persistence", "rdb_saves",
    "redis_rdb_saves_total", "",
    "Snapshots that were complete.")

EVENT(CONNECTIONS, "stats", "total_connections_received",
    "redis_connections_received_total", "",
    "RESP connections that were accepted.")
EVENT(SYNC_FULL, "stats", "sync_full",
    "redis_replica_resyncs_full_total", "",
    "Replicas that were sent all of the keyspace.")
EVENT(SYNC_PARTIAL_OK, "stats", "sync_partial_ok",
    "redis_replica_partial_resync_accepted_total", "",
    "Replicas that went on with what they had.")
EVENT(SYNC_PARTIAL_ERR, "stats", "sync_partial_err",
    "redis_replica_partial_resync_denied_total", "",
    "Replicas that asked to go on, and could not.")
PARTS(commands, "stats", "total_commands_processed",
    "redis_commands_processed_total", "",
    "Commands that were run.")
EVENT(REJECTED, "stats", "rejected_connections",
    "redis_rejected_connections_total", "",
    "RESP connections that there was no room for.")
SHARDS(expired, RESET, "stats", "expired_keys",
    "redis_expired_keys_total", "",
    "Keys that were deleted because their time came.")
SHARDS(evicted, RESET, "stats", "evicted_keys",
    "redis_evicted_keys_total", "",
    "Keys that were deleted for want of memory.")
SHARDS(hits, RESET, "stats", "keyspace_hits",
    "redis_keyspace_hits_total", "",
    "Reads that found their key.")
SHARDS(misses, RESET, "stats", "keyspace_misses",
    "redis_keyspace_misses_total", "",
    "Reads that did not find their key.")
ASKED(ks_metric_channels, "stats", "pubsub_channels",
    "redis_pubsub_channels", "",
    "Channels that have subscribers, in each worker by itself.")
ASKED(ks_metric_patterns, "stats", "pubsub_patterns",
    "redis_pubsub_patterns", "",
    "Patterns that have subscribers, in each worker by itself.")
ASKED(ks_metric_shard_channels, "stats", "pubsubshard_channels",
    "redis_pubsubshard_channels", "",
    "Channels of shards that have subscribers, in each worker by itself.")
ASKED(ks_metric_tracked_keys, "stats", "tracking_total_keys",
    "redis_tracking_total_keys", "",
    "Keys that such clients have read, in each worker by itself.")
ASKED(ks_metric_tracked_items, "stats", "tracking_total_items",
    "redis_tracking_total_items", "",
    "The same, for each client by itself.")
ASKED(ks_metric_tracked_prefixes, "stats", "tracking_total_prefixes",
    "redis_tracking_total_prefixes", "",
    "Prefixes of keys that they have asked for, in each worker by itself.")
SHARDS(recovered, KEPT, "stats", "keyspace_recovered_locks",
    "keyspace_recovered_locks_total", "",
    "Locks that were taken over from dead processes.")
EVENT(RUN_FAULTS, "stats", "keyspace_run_errors",
    "keyspace_run_errors_total", "",
    "Commands of keyspace_run that have failed.")
EVENT(SESSIONS_BEGUN, "stats", "keyspace_sessions_begun",
    "keyspace_sessions_begun_total", "",
    "Sessions of users that were begun.")
EVENT(SESSIONS_ENDED, "stats", "keyspace_sessions_ended",
    "keyspace_sessions_ended_total", "",
    "Sessions that were ended before their time.")
EVENT(LIMIT_FAULTS, "stats", "keyspace_limit_errors",
    "keyspace_limit_errors_total", "",
    "Rate limits that could not be told.")
EVENT(CACHE_HITS, "stats", "keyspace_cache_hits",
    "keyspace_cache_hits_total", "",
    "Responses of keyspace_cache that were fresh in the store.")
EVENT(CACHE_MISSES, "stats", "keyspace_cache_misses",
    "keyspace_cache_misses_total", "",
    "Responses that were fetched, as none was stored.")
EVENT(CACHE_EXPIRED, "stats", "keyspace_cache_expired",
    "keyspace_cache_expired_total", "",
    "Responses that were fetched, as the stored one was not to be used.")
EVENT(CACHE_STALE, "stats", "keyspace_cache_stale",
    "keyspace_cache_stale_total", "",
    "Stored responses that were used though they were stale.")
EVENT(CACHE_REVALIDATED, "stats", "keyspace_cache_revalidated",
    "keyspace_cache_revalidated_total", "",
    "Stored responses that were used after a 304.")
EVENT(CACHE_BYPASSES, "stats", "keyspace_cache_bypasses",
    "keyspace_cache_bypasses_total", "",
    "Responses that were fetched without a look at the store.")
EVENT(UPSTREAM_FULL, "stats", "keyspace_upstream_full_syncs",
    "keyspace_upstream_full_syncs_total", "",
    "Times that all keys came from the upstream.")
EVENT(UPSTREAM_PARTIAL, "stats", "keyspace_upstream_partial_syncs",
    "keyspace_upstream_partial_syncs_total", "",
    "Times that its stream went on where it had been cut.")
EVENT(UPSTREAM_APPLIED, "stats", "keyspace_upstream_commands",
    "keyspace_upstream_commands_total", "",
    "Commands of its stream that were applied.")
EVENT(UPSTREAM_SKIPPED, "stats", "keyspace_upstream_skipped",
    "keyspace_upstream_skipped_total", "",
    "Commands of its stream that were not: for other databases, or faulty.")
EVENT(UPSTREAM_SWITCHES, "stats", "keyspace_upstream_switches",
    "keyspace_upstream_switches_total", "",
    "Times that the sentinels have named another primary.")
EVENT(FORWARDED, "stats", "keyspace_forwarded",
    "keyspace_forwarded_total", "",
    "Commands and transactions that were handed to the upstream.")
EVENT(FORWARD_FAILED, "stats", "keyspace_forward_errors",
    "keyspace_forward_errors_total", "",
    "Of these, those that got no reply of it, and those that were refused "
    "while it was away.")
EVENT(FORWARD_TIME, "stats", "keyspace_forward_milliseconds",
    "keyspace_forward_seconds_total", "ms",
    "Time from handing them over to the replies, in sum.")
EVENT(NEAR_FETCHES, "stats", "keyspace_near_fetches",
    "keyspace_near_fetches_total", "",
    "Keys that mode=near has fetched from the upstream.")
EVENT(NEAR_HITS, "stats", "keyspace_near_hits",
    "keyspace_near_hits_total", "",
    "Reads that found all their keys fetched.")
EVENT(NEAR_INVALIDATIONS, "stats", "keyspace_near_invalidations",
    "keyspace_near_invalidations_total", "",
    "Keys that the upstream has said to have changed.")
EVENT(LINK_LOSSES, "stats", "keyspace_link_losses",
    "keyspace_link_losses_total", "",
    "Times that the connection was lost which says what has changed.")
EVENT(NEAR_MESSAGES, "stats", "keyspace_near_messages",
    "keyspace_near_messages_total", "",
    "Messages of the upstream that were published here.")
EVENT(CLUSTER_MOVES, "stats", "keyspace_cluster_redirections",
    "keyspace_cluster_redirections_total", "",
    "Forwarded commands that a node of a cluster has sent elsewhere.")
EVENT(CLUSTER_MAPS, "stats", "keyspace_cluster_maps",
    "keyspace_cluster_maps_total", "",
    "Times that a node of a cluster was asked which one has which slot.")

ASKED(ks_metric_replicas, "replication", "connected_slaves",
    "redis_connected_slaves", "",
    "Replicas that are connected.")
ASKED(ks_metric_stream, NULL, "master_repl_offset",
    "redis_master_repl_offset", "bytes",
    "Bytes of the stream to replicas.")
ASKED(ks_metric_backlog, NULL, "repl_backlog_size",
    "redis_replication_backlog_bytes", "bytes",
    "Size of the backlog, 0 if there may be no replicas.")
