/*
 * Rows of the command table: JSON documents.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("json.arrappend", ks_cmd_json_arrappend, -4, W|OOM, JSON, KEY(RW|UPDATE),
    "json", "1.0.0", "O(1), and O(N) for paths with several matches",
    "Puts values behind those of arrays.")
ROW("json.arrindex", ks_cmd_json_arrindex, -4, R, JSON, KEY(RO|ACCESS),
    "json", "1.0.0", "O(N), N the length of the array",
    "Replies with the first place of a value in arrays.")
ROW("json.arrinsert", ks_cmd_json_arrinsert, -5, W|OOM, JSON, KEY(RW|UPDATE),
    "json", "1.0.0", "O(log(N)), N the length of the array",
    "Puts values into arrays, in front of an index.")
ROW("json.arrlen", ks_cmd_json_arrlen, -2, R, JSON, KEY(RO),
    "json", "1.0.0", "O(1), and O(N) for paths with several matches",
    "Replies with the lengths of arrays.")
ROW("json.arrpop", ks_cmd_json_arrpop, -2, W, JSON, KEY(RW|ACCESS|DELETE),
    "json", "1.0.0", "O(log(N)), N the length of the array",
    "Takes a value out of arrays.")
ROW("json.arrtrim", ks_cmd_json_arrtrim, 5, W, JSON, KEY(RW|DELETE),
    "json", "1.0.0", "O(N), N the values that go",
    "Leaves arrays a range of their values.")
ROW("json.clear", ks_cmd_json_clear, -2, W, JSON, KEY(RW|DELETE),
    "json", "2.0.0", "O(N), N the size of what goes",
    "Empties containers, and sets numbers to 0.")
PARENT_ROW("json.debug", -2, PARENT, 0, NO_KEYS,
    "json", "1.0.0", "Depends on subcommand.",
    "Tells what documents are made of.")
ROW("json.debug|depth", ks_cmd_json_debug_depth, -3, R|SUB, JSON,
    KEYS(RO, 2, 2, 1),
    "json", "1.0.0", "O(N), N the size of the value",
    "Replies with how deep containers are nested.")
ROW("json.debug|fields", ks_cmd_json_debug_fields, -3, R|SUB, JSON,
    KEYS(RO, 2, 2, 1),
    "json", "1.0.0", "O(N), N the size of the value",
    "Replies with the number of values.")
ROW("json.debug|help", ks_cmd_json_debug_help, 2, LOAD|ALONE|SUB, JSON,
    NO_KEYS,
    "json", "1.0.0", "O(1)",
    "Lists the subcommands.")
ROW("json.debug|memory", ks_cmd_json_debug_memory, -3, R|SUB, JSON,
    KEYS(RO, 2, 2, 1),
    "json", "1.0.0", "O(N), N the size of the value",
    "Replies with about the memory of values.")
ROW("json.del", ks_cmd_json_del, -2, W, JSON, KEY(RW|DELETE),
    "json", "1.0.0", "O(N), N the size of what goes",
    "Deletes values of a document, or all of it.")
ROW("json.forget", ks_cmd_json_del, -2, W, JSON, KEY(RW|DELETE),
    "json", "1.0.0", "O(N), N the size of what goes",
    "Deletes values of a document, or all of it.")
ROW("json.get", ks_cmd_json_get, -2, R, JSON, KEY(RO|ACCESS),
    "json", "1.0.0", "O(N), N the size of the values",
    "Replies with values of a document as JSON.")
ROW("json.merge", ks_cmd_json_merge, -4, W|OOM, JSON, KEY(RW|UPDATE),
    "json", "2.6.0", "O(M+N), the sizes of the value and of the patch",
    "Merges a value into those of a document.")
ROW("json.mget", ks_cmd_json_mget, -3, R, JSON, KEYS(RO|ACCESS, 1, -2, 1),
    "json", "1.0.0", "O(M*N), M the number of keys, N the size of the values",
    "Replies with values of several documents as JSON.")
ROW("json.mset", ks_cmd_json_mset, -4, W|OOM, JSON, KEYS(RW|UPDATE, 1, -1, 3),
    "json", "2.6.0", "O(N), N the size of the values",
    "Sets values of several documents.")
ROW("json.numincrby", ks_cmd_json_numincrby, 4, W|OOM, JSON,
    KEY(RW|ACCESS|UPDATE),
    "json", "1.0.0", "O(1), and O(N) for paths with several matches",
    "Adds to numbers of a document.")
ROW("json.nummultby", ks_cmd_json_nummultby, 4, W|OOM, JSON,
    KEY(RW|ACCESS|UPDATE),
    "json", "1.0.0", "O(1), and O(N) for paths with several matches",
    "Multiplies numbers of a document.")
ROW("json.objkeys", ks_cmd_json_objkeys, -2, R, JSON, KEY(RO|ACCESS),
    "json", "1.0.0", "O(N), N the number of names",
    "Replies with the names of the members of objects.")
ROW("json.objlen", ks_cmd_json_objlen, -2, R, JSON, KEY(RO),
    "json", "1.0.0", "O(1), and O(N) for paths with several matches",
    "Replies with the numbers of members of objects.")
ROW("json.resp", ks_cmd_json_resp, -2, R, JSON, KEY(RO|ACCESS),
    "json", "1.0.0", "O(N), N the size of the values",
    "Replies with values of a document in the form of the protocol.")
ROW("json.set", ks_cmd_json_set, -4, W|OOM, JSON, KEY(RW|UPDATE),
    "json", "1.0.0", "O(M+N), the sizes of the old value and of the new one",
    "Sets a document, or values of it.")
ROW("json.strappend", ks_cmd_json_strappend, -3, W|OOM, JSON, KEY(RW|UPDATE),
    "json", "1.0.0", "O(N), N the length of the string",
    "Puts a string behind those of a document.")
ROW("json.strlen", ks_cmd_json_strlen, -2, R, JSON, KEY(RO),
    "json", "1.0.0", "O(1), and O(N) for paths with several matches",
    "Replies with the lengths of strings, bytes.")
ROW("json.toggle", ks_cmd_json_toggle, 3, W|OOM, JSON, KEY(RW|UPDATE),
    "json", "2.0.0", "O(1), and O(N) for paths with several matches",
    "Makes true of false, and false of true.")
ROW("json.type", ks_cmd_json_type, -2, R, JSON, KEY(RO),
    "json", "1.0.0", "O(1), and O(N) for paths with several matches",
    "Replies with the types of values.")
