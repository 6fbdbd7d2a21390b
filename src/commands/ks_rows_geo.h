/*
 * Rows of the command table: sorted sets of places.  Not a header of its own;
 * see ks_command_table.c, and ks_handlers.h.
 */

ROW("geoadd", ks_cmd_geoadd, -5, W|OOM, GEO, KEY(RW|UPDATE),
    "geo", "3.2.0", "O(log(N)) for each member, N the size of the set",
    "Adds members with a place, or moves them.")
ROW("geodist", ks_cmd_geodist, -4, R, GEO, KEY(RO|ACCESS),
    "geo", "3.2.0", "O(1)",
    "Replies with how far two members are from each other.")
ROW("geohash", ks_cmd_geohash, -2, R, GEO, KEY(RO|ACCESS),
    "geo", "3.2.0", "O(1) for each member",
    "Replies with the geohashes of members.")
ROW("geopos", ks_cmd_geopos, -2, R, GEO, KEY(RO|ACCESS),
    "geo", "3.2.0", "O(1) for each member",
    "Replies with the longitudes and latitudes of members.")
ROW("georadius", ks_cmd_georadius, -6, W|OOM|MOVABLE, GEO, KEY(RO|ACCESS),
    "geo", "3.2.0", "O(N+log(M)), N members in the area, M in all",
    "Finds members around a place, and may store them.",
    .retired = "6.2.0", .instead = "`GEOSEARCH` and `GEOSEARCHSTORE` with the "
    "`BYRADIUS` argument",
    .extra_key = ks_cmd_georadius_extra_key, .stored = 6)
ROW("georadius_ro", ks_cmd_georadius_ro, -6, R, GEO, KEY(RO|ACCESS),
    "geo", "3.2.10", "O(N+log(M)), N members in the area, M in all",
    "Finds members around a place.",
    .retired = "6.2.0", .instead = "`GEOSEARCH` with the `BYRADIUS` argument")
ROW("georadiusbymember", ks_cmd_georadiusbymember, -5, W|OOM|MOVABLE, GEO,
    KEY(RO|ACCESS),
    "geo", "3.2.0", "O(N+log(M)), N members in the area, M in all",
    "Finds members around another, and may store them.",
    .retired = "6.2.0", .instead = "`GEOSEARCH` and `GEOSEARCHSTORE` with the "
    "`BYRADIUS` and `FROMMEMBER` arguments",
    .extra_key = ks_cmd_georadius_extra_key, .stored = 5)
ROW("georadiusbymember_ro", ks_cmd_georadiusbymember_ro, -5, R, GEO,
    KEY(RO|ACCESS),
    "geo", "3.2.10", "O(N+log(M)), N members in the area, M in all",
    "Finds members around another.",
    .retired = "6.2.0", .instead = "`GEOSEARCH` with the `BYRADIUS` and "
    "`FROMMEMBER` arguments")
ROW("geosearch", ks_cmd_geosearch, -7, R, GEO, KEY(RO|ACCESS),
    "geo", "6.2.0", "O(N+log(M)), N members in the area, M in all",
    "Finds members in a circle, a box or a polygon.")
ROW("geosearchstore", ks_cmd_geosearchstore, -8, W|OOM, GEO,
    KEYS2(OW|UPDATE, 1, 1, 1, RO|ACCESS, 2, 2, 1),
    "geo", "6.2.0", "O(N+log(M)), N members in the area, M in all",
    "Stores the members in a circle, a box or a polygon.")
