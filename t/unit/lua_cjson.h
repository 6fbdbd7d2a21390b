/* The library cjson: scripts, and what redis-server 7.0.15 makes of them. */

static const lua_case_t  cjson_cases[] = {
    { "return cjson.encode({})",
      "true '{}'" },
    { "return cjson.encode({1,2,3})",
      "true '[1,2,3]'" },
    { "return cjson.encode({a=1})",
      "true '{\"a\":1}'" },
    { "return cjson.encode({1,nil,3})",
      "true '[1,null,3]'" },
    { "return cjson.encode({1,2,nil,4})",
      "true '[1,2,null,4]'" },
    { "return cjson.encode({[3]='x'})",
      "true '[null,null,\"x\"]'" },
    { "return cjson.encode({[5]='x'})",
      "true '[null,null,null,null,\"x\"]'" },
    { "return cjson.encode({[6]='x'})",
      "true '[null,null,null,null,null,\"x\"]'" },
    { "return cjson.encode({[10]='x'})",
      "true '[null,null,null,null,null,null,null,null,null,\"x\"]'" },
    { "return cjson.encode({[11]='x'})",
      "false 'user_script:1: Cannot serialise table: excessively sparse arr"
      "ay'" },
    { "return cjson.encode({[1]=1,[2]=2,[5]=5,[12]=12})",
      "false 'user_script:1: Cannot serialise table: excessively sparse arr"
      "ay'" },
    { "return cjson.encode({[1]=1,[2]=2,[5]=5,[8]=8,[9]=9,[12]=12})",
      "true '[1,2,null,null,5,null,null,8,9,null,null,12]'" },
    { "return cjson.encode({[1000000]=1})",
      "false 'user_script:1: Cannot serialise table: excessively sparse arr"
      "ay'" },
    { "return cjson.encode({[2^40]=1})",
      "true '{\"1099511627776\":1}'" },
    { "return cjson.encode({[0]=1})",
      "true '{\"0\":1}'" },
    { "return cjson.encode({[-1]=1})",
      "true '{\"-1\":1}'" },
    { "return cjson.encode({[1.5]=1})",
      "true '{\"1.5\":1}'" },
    { "return cjson.encode({[2^53]=1})",
      "true '{\"9.007199254741e+15\":1}'" },
    { "return cjson.encode({[1e15]=1,a=nil})",
      "true '{\"1e+15\":1}'" },
    { "return cjson.encode({['1']=1})",
      "true '{\"1\":1}'" },
    { "return cjson.encode({{},{{}},{a={}}})",
      "true '[{},[{}],{\"a\":{}}]'" },
    { "return cjson.encode({{1,{2,{3}}},'x'})",
      "true '[[1,[2,[3]]],\"x\"]'" },
    { "return cjson.encode('')",
      "true '\"\"'" },
    { "return cjson.encode('abc')",
      "true '\"abc\"'" },
    { "return cjson.encode('\"\\\\/')",
      "true '\"\\092\"\\092\\092\\092/\"'" },
    { "return cjson.encode('\\b\\f\\n\\r\\t')",
      "true '\"\\092b\\092f\\092n\\092r\\092t\"'" },
    { "return cjson.encode('\\0\\1\\2\\31\\32\\126\\127\\128\\255')",
      "true '\"\\092u0000\\092u0001\\092u0002\\092u001f ~\\092u007f\\128\\2"
      "55\"'" },
    { "return cjson.encode('h\\195\\169llo \\226\\130\\172 \\240\\159\\152"
      "\\128')",
      "true '\"h\\195\\169llo \\226\\130\\172 \\240\\159\\152\\128\"'" },
    { "return cjson.encode('a/b</script>')",
      "true '\"a\\092/b<\\092/script>\"'" },
    { "return cjson.encode(nil)",
      "true 'null'" },
    { "return cjson.encode(true)",
      "true 'true'" },
    { "return cjson.encode(false)",
      "true 'false'" },
    { "return cjson.encode(cjson.null)",
      "true 'null'" },
    { "return cjson.encode({cjson.null,1,cjson.null})",
      "true '[null,1,null]'" },
    { "return cjson.encode({a=cjson.null})",
      "true '{\"a\":null}'" },
    { "return cjson.encode(0)",
      "true '0'" },
    { "return cjson.encode(3)",
      "true '3'" },
    { "return cjson.encode(-7)",
      "true '-7'" },
    { "return cjson.encode(3.0)",
      "true '3'" },
    { "return cjson.encode(10/2)",
      "true '5'" },
    { "return cjson.encode(0.1)",
      "true '0.1'" },
    { "return cjson.encode(1/3)",
      "true '0.33333333333333'" },
    { "return cjson.encode(2/3*1e10)",
      "true '6666666666.6667'" },
    { "return cjson.encode(100000000000000)",
      "true '1e+14'" },
    { "return cjson.encode(99999999999999)",
      "true '99999999999999'" },
    { "return cjson.encode(-99999999999999)",
      "true '-99999999999999'" },
    { "return cjson.encode(123456789012345)",
      "true '1.2345678901234e+14'" },
    { "return cjson.encode(1e14)",
      "true '1e+14'" },
    { "return cjson.encode(1e15)",
      "true '1e+15'" },
    { "return cjson.encode(2^53)",
      "true '9.007199254741e+15'" },
    { "return cjson.encode(2^53+1)",
      "true '9.007199254741e+15'" },
    { "return cjson.encode(2^63)",
      "true '9.2233720368548e+18'" },
    { "return cjson.encode(-2^63)",
      "true '-9.2233720368548e+18'" },
    { "return cjson.encode(2^64)",
      "true '1.844674407371e+19'" },
    { "return cjson.encode(1e100)",
      "true '1e+100'" },
    { "return cjson.encode(1e-5)",
      "true '1e-05'" },
    { "return cjson.encode(1e-10)",
      "true '1e-10'" },
    { "return cjson.encode(5e-324)",
      "true '4.9406564584125e-324'" },
    { "return cjson.encode(1.7976931348623157e308)",
      "true '1.7976931348623e+308'" },
    { "return cjson.encode(123.456)",
      "true '123.456'" },
    { "return cjson.encode(1700000000123)",
      "true '1700000000123'" },
    { "return cjson.encode(1700000000.123)",
      "true '1700000000.123'" },
    { "return cjson.encode(0.30000000000000004)",
      "true '0.3'" },
    { "return cjson.encode(1/0)",
      "false 'user_script:1: Cannot serialise number: must not be NaN or In"
      "f'" },
    { "return cjson.encode(-1/0)",
      "false 'user_script:1: Cannot serialise number: must not be NaN or In"
      "f'" },
    { "return cjson.encode(0/0)",
      "false 'user_script:1: Cannot serialise number: must not be NaN or In"
      "f'" },
    { "return cjson.encode({1/0})",
      "false 'user_script:1: Cannot serialise number: must not be NaN or In"
      "f'" },
    { "return cjson.encode(function() end)",
      "false 'user_script:1: Cannot serialise function: type not supported'" },
    { "return cjson.encode({function() end})",
      "false 'user_script:1: Cannot serialise function: type not supported'" },
    { "return cjson.encode({a=function() end})",
      "false 'user_script:1: Cannot serialise function: type not supported'" },
    { "return cjson.encode({[true]=1})",
      "false 'user_script:1: Cannot serialise boolean: table key must be a "
      "number or string'" },
    { "return cjson.encode({[{}]=1})",
      "false 'user_script:1: Cannot serialise table: table key must be a nu"
      "mber or string'" },
    { "return cjson.encode({[function() end]=1})",
      "false 'user_script:1: Cannot serialise function: table key must be a"
      " number or string'" },
    { "return cjson.encode(coroutine.create(function() end))",
      "false 'user_script:1: Cannot serialise thread: type not supported'" },
    { "return cjson.encode()",
      "false 'user_script:1: bad argument #1 to 'encode' (expected 1 argume"
      "nt)'" },
    { "return cjson.encode(1,2)",
      "false 'user_script:1: bad argument #1 to 'encode' (expected 1 argume"
      "nt)'" },
    { "return cjson.encode(nil,nil)",
      "false 'user_script:1: bad argument #1 to 'encode' (expected 1 argume"
      "nt)'" },
    { "local t={} t[1]=t return cjson.encode(t)",
      "false 'user_script:1: Cannot serialise, excessive nesting (1001)'" },
    { "local t={} t.a=t return cjson.encode(t)",
      "false 'user_script:1: Cannot serialise, excessive nesting (1001)'" },
    { "local t={} for i=1,999 do t={t} end return #cjson.encode(t)",
      "true 2000" },
    { "local t={} for i=1,1000 do t={t} end return #cjson.encode(t)",
      "false 'user_script:1: Cannot serialise, excessive nesting (1001)'" },
    { "local t={} for i=1,999 do t={a=t} end return #cjson.encode(t)",
      "true 5996" },
    { "local t={} for i=1,2000 do t[i]=i end return #cjson.encode(t)",
      "true 8894" },
    { "local t={} for i=1,300 do t[i]=string.rep('x',i) end return #cjson.e"
      "ncode(t)",
      "true 46051" },
    { "return #cjson.encode(string.rep('\\1',1000))",
      "true 6002" },
    { "return cjson.decode('1')",
      "true 1" },
    { "return cjson.decode('-1')",
      "true -1" },
    { "return cjson.decode('[1]')[1]..''",
      "true '1'" },
    { "return cjson.decode('[1.0]')[1]..''",
      "true '1'" },
    { "return cjson.decode('[1.5]')[1]..''",
      "true '1.5'" },
    { "return cjson.decode('[1e3]')[1]..''",
      "true '1000'" },
    { "return cjson.decode('[1e15]')[1]..''",
      "true '1e+15'" },
    { "return cjson.decode('[100000000000000]')[1]..''",
      "true '1e+14'" },
    { "return cjson.decode('[99999999999999]')[1]..''",
      "true '99999999999999'" },
    { "return cjson.decode('[9007199254740993]')[1]..''",
      "true '9.007199254741e+15'" },
    { "return tostring(cjson.decode('9007199254740992'))",
      "true '9.007199254741e+15'" },
    { "return cjson.decode('9007199254740993')",
      "true 9007199254740992" },
    { "return cjson.decode('18446744073709551616')",
      "true 1.8446744073709552e+19" },
    { "return cjson.decode('123456789012345678901234567890')",
      "true 1.2345678901234568e+29" },
    { "return cjson.decode('1700000000123')..''",
      "true '1700000000123'" },
    { "return cjson.decode('0.1')",
      "true 0.10000000000000001" },
    { "return cjson.decode('1E2')",
      "true 100" },
    { "return cjson.decode('1e+2')",
      "true 100" },
    { "return cjson.decode('1e-2')",
      "true 0.01" },
    { "return cjson.decode('1e400')",
      "true inf" },
    { "return cjson.decode('-1e400')",
      "true -inf" },
    { "return cjson.decode('1.')",
      "true 1" },
    { "return cjson.decode('.5')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "return cjson.decode('-.5')",
      "true -0.5" },
    { "return cjson.decode('01')",
      "true 1" },
    { "return cjson.decode('-01')",
      "true -1" },
    { "return cjson.decode('-')",
      "false 'user_script:1: Expected value but found invalid number at cha"
      "racter 1'" },
    { "return cjson.decode('+1')",
      "true 1" },
    { "return cjson.decode('+')",
      "false 'user_script:1: Expected value but found invalid number at cha"
      "racter 1'" },
    { "return cjson.decode('1e')",
      "false 'user_script:1: Expected the end but found invalid token at ch"
      "aracter 2'" },
    { "return cjson.decode('1e+')",
      "false 'user_script:1: Expected the end but found invalid token at ch"
      "aracter 2'" },
    { "return cjson.decode('0x10')",
      "true 16" },
    { "return cjson.decode('0x1.8p1')",
      "true 3" },
    { "return cjson.decode('-0x10')",
      "true -16" },
    { "return cjson.decode('0x')",
      "false 'user_script:1: Expected the end but found invalid token at ch"
      "aracter 2'" },
    { "return cjson.decode('nan')",
      "true nan" },
    { "return cjson.decode('NaN')",
      "true nan" },
    { "return cjson.decode('-nan')",
      "true nan" },
    { "return cjson.decode('inf')",
      "true inf" },
    { "return cjson.decode('Infinity')",
      "true inf" },
    { "return cjson.decode('-inf')",
      "true -inf" },
    { "return cjson.decode('infx')",
      "false 'user_script:1: Expected the end but found invalid token at ch"
      "aracter 4'" },
    { "return cjson.decode('i')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "return cjson.decode('1a')",
      "false 'user_script:1: Expected the end but found invalid token at ch"
      "aracter 2'" },
    { "return cjson.decode('1 2')",
      "false 'user_script:1: Expected the end but found T_NUMBER at charact"
      "er 3'" },
    { "return cjson.decode('1,2')",
      "false 'user_script:1: Expected the end but found T_COMMA at characte"
      "r 2'" },
    { "return cjson.decode('true')",
      "true true" },
    { "return cjson.decode('false')",
      "true false" },
    { "return cjson.decode('null')==cjson.null",
      "true true" },
    { "return type(cjson.decode('null'))",
      "true 'userdata'" },
    { "return cjson.decode('[null]')[1]==cjson.null",
      "true true" },
    { "return cjson.decode('True')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "return cjson.decode('nul')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "return cjson.decode('nullx')",
      "false 'user_script:1: Expected the end but found invalid token at ch"
      "aracter 5'" },
    { "return cjson.decode('truefalse')",
      "false 'user_script:1: Expected the end but found T_BOOLEAN at charac"
      "ter 5'" },
    { "return cjson.decode('')",
      "false 'user_script:1: Expected value but found T_END at character 1'" },
    { "return cjson.decode(' ')",
      "false 'user_script:1: Expected value but found T_END at character 2'" },
    { "return cjson.decode(' \\t\\n\\r1 \\t\\n\\r')",
      "true 1" },
    { "return cjson.decode('\\v1')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "return cjson.decode('\\239\\187\\1911')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "return cjson.decode('[]')",
      "true {}" },
    { "return cjson.decode('{}')",
      "true {}" },
    { "return cjson.decode('[1,2,3]')",
      "true {1=1,2=2,3=3}" },
    { "return cjson.decode('[1,[2,[3,[]]]]')",
      "true {1=1,2={1=2,2={1=3,2={}}}}" },
    { "return cjson.decode('{\"a\":1,\"b\":[1,2,{\"c\":null}],\"d\":{\"e\":"
      "false}}').d",
      "true {'e'=false}" },
    { "return cjson.decode('{\"a\":1,\"a\":2}')",
      "true {'a'=2}" },
    { "return cjson.decode('{\"\":1}')",
      "true {''=1}" },
    { "return cjson.decode('{\"1\":1}')",
      "true {'1'=1}" },
    { "return cjson.decode('[1,]')",
      "false 'user_script:1: Expected value but found T_ARR_END at characte"
      "r 4'" },
    { "return cjson.decode('[,1]')",
      "false 'user_script:1: Expected value but found T_COMMA at character "
      "2'" },
    { "return cjson.decode('[1 2]')",
      "false 'user_script:1: Expected comma or array end but found T_NUMBER"
      " at character 4'" },
    { "return cjson.decode('[1')",
      "false 'user_script:1: Expected comma or array end but found T_END at"
      " character 3'" },
    { "return cjson.decode('[1,')",
      "false 'user_script:1: Expected value but found T_END at character 4'" },
    { "return cjson.decode('[')",
      "false 'user_script:1: Expected value but found T_END at character 2'" },
    { "return cjson.decode(']')",
      "false 'user_script:1: Expected value but found T_ARR_END at characte"
      "r 1'" },
    { "return cjson.decode('{')",
      "false 'user_script:1: Expected object key string but found T_END at "
      "character 2'" },
    { "return cjson.decode('}')",
      "false 'user_script:1: Expected value but found T_OBJ_END at characte"
      "r 1'" },
    { "return cjson.decode('{\"a\"}')",
      "false 'user_script:1: Expected colon but found T_OBJ_END at characte"
      "r 5'" },
    { "return cjson.decode('{\"a\":}')",
      "false 'user_script:1: Expected value but found T_OBJ_END at characte"
      "r 6'" },
    { "return cjson.decode('{\"a\":1')",
      "false 'user_script:1: Expected comma or object end but found T_END a"
      "t character 7'" },
    { "return cjson.decode('{\"a\":1,')",
      "false 'user_script:1: Expected object key string but found T_END at "
      "character 8'" },
    { "return cjson.decode('{\"a\":1,}')",
      "false 'user_script:1: Expected object key string but found T_OBJ_END"
      " at character 8'" },
    { "return cjson.decode('{a:1}')",
      "false 'user_script:1: Expected object key string but found invalid t"
      "oken at character 2'" },
    { "return cjson.decode('{1:1}')",
      "false 'user_script:1: Expected object key string but found T_NUMBER "
      "at character 2'" },
    { "return cjson.decode('{\"a\" 1}')",
      "false 'user_script:1: Expected colon but found T_NUMBER at character"
      " 6'" },
    { "return cjson.decode('{\"a\":1 \"b\":2}')",
      "false 'user_script:1: Expected comma or object end but found T_STRIN"
      "G at character 8'" },
    { "return cjson.decode('{,}')",
      "false 'user_script:1: Expected object key string but found T_COMMA a"
      "t character 2'" },
    { "return cjson.decode('[:]')",
      "false 'user_script:1: Expected value but found T_COLON at character "
      "2'" },
    { "return cjson.decode(':')",
      "false 'user_script:1: Expected value but found T_COLON at character "
      "1'" },
    { "return cjson.decode(',')",
      "false 'user_script:1: Expected value but found T_COMMA at character "
      "1'" },
    { "return cjson.decode('[1]]')",
      "false 'user_script:1: Expected the end but found T_ARR_END at charac"
      "ter 4'" },
    { "return cjson.decode('[1}')",
      "false 'user_script:1: Expected comma or array end but found T_OBJ_EN"
      "D at character 3'" },
    { "return cjson.decode('{\"a\":1]')",
      "false 'user_script:1: Expected comma or object end but found T_ARR_E"
      "ND at character 7'" },
    { "return cjson.decode('\"abc')",
      "false 'user_script:1: Expected value but found unexpected end of str"
      "ing at character 5'" },
    { "return cjson.decode('\"')",
      "false 'user_script:1: Expected value but found unexpected end of str"
      "ing at character 2'" },
    { "return cjson.decode('\"\"')",
      "true ''" },
    { "return cjson.decode('\"a\\nb\"')",
      "true 'a\\010b'" },
    { "return cjson.decode('\"a\\127\\255b\"')",
      "true 'a\\127\\255b'" },
    { "return cjson.decode('\"\\\\\"\\\\\\\\\\\\/\\\\b\\\\f\\\\n\\\\r\\\\t"
      "\"')",
      "true '\"\\092/\\008\\012\\010\\013\\009'" },
    { "return cjson.decode('\"\\\\u0041\\\\u00e9\\\\u20ac\"')",
      "true 'A\\195\\169\\226\\130\\172'" },
    { "return cjson.decode('\"\\\\uD83D\\\\uDE00\"')",
      "true '\\240\\159\\152\\128'" },
    { "return cjson.decode('\"\\\\ud83d\\\\ude00x\"')",
      "true '\\240\\159\\152\\128x'" },
    { "return cjson.decode('\"\\\\u0000\"')",
      "true '\\000'" },
    { "return cjson.decode('\"a\\\\u0000b\"')",
      "true 'a\\000b'" },
    { "return cjson.decode('\"\\\\u0000\\\\u0041\\\\u0000\"')",
      "true '\\000A\\000'" },
    { "return cjson.decode('\"\\\\u007f\\\\u0080\\\\u07ff\\\\u0800\\\\uffff"
      "\\\\ufffe\\\\ud7ff\\\\ue000\"')",
      "true '\\127\\194\\128\\223\\191\\224\\160\\128\\239\\191\\191\\239\\"
      "191\\190\\237\\159\\191\\238\\128\\128'" },
    { "return cjson.decode('\"\\\\ud800\\\\udc00\\\\udbff\\\\udfff\"')",
      "true '\\240\\144\\128\\128\\244\\143\\191\\191'" },
    { "return cjson.decode('\"\\\\ud83d\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\ude00\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\ud83dx\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\ud83d\\\\u0041\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\ud83d\\\\n\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\ud83d\\\\ud83d\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\ud83d\\\\u\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\u12\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\u\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\u12')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"\\\\u123g\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 2'" },
    { "return cjson.decode('\"ab\\\\u00zz\"')",
      "false 'user_script:1: Expected value but found invalid unicode escap"
      "e code at character 4'" },
    { "return cjson.decode('\"\\\\x41\"')",
      "false 'user_script:1: Expected value but found invalid escape code a"
      "t character 2'" },
    { "return cjson.decode('\"\\\\\"')",
      "false 'user_script:1: Expected value but found unexpected end of str"
      "ing at character 4'" },
    { "return cjson.decode('\"\\\\')",
      "false 'user_script:1: Expected value but found invalid escape code a"
      "t character 2'" },
    { "return cjson.decode('\"\\\\a\"')",
      "false 'user_script:1: Expected value but found invalid escape code a"
      "t character 2'" },
    { "return cjson.decode('[\"a\",\"b\\\\q\"]')",
      "false 'user_script:1: Expected value but found invalid escape code a"
      "t character 8'" },
    { "return cjson.decode(\"'a'\")",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "return cjson.decode('[1,2,3')",
      "false 'user_script:1: Expected comma or array end but found T_END at"
      " character 7'" },
    { "return cjson.decode('a')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "return cjson.decode('#')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "return cjson.decode('[1,#]')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 4'" },
    { "return cjson.decode('12\\0garbage')",
      "true 12" },
    { "return cjson.decode('1\\0')",
      "false 'user_script:1: JSON parser does not support UTF-16 or UTF-32'" },
    { "return cjson.decode('\\0')",
      "false 'user_script:1: Expected value but found T_END at character 1'" },
    { "return cjson.decode('\\0\\0')",
      "false 'user_script:1: JSON parser does not support UTF-16 or UTF-32'" },
    { "return cjson.decode('\\0001')",
      "false 'user_script:1: JSON parser does not support UTF-16 or UTF-32'" },
    { "return cjson.decode('1\\0001')",
      "false 'user_script:1: JSON parser does not support UTF-16 or UTF-32'" },
    { "return cjson.decode('[1\\0]')",
      "false 'user_script:1: Expected comma or array end but found T_END at"
      " character 3'" },
    { "return cjson.decode('\"a\\0b\"')",
      "false 'user_script:1: Expected value but found unexpected end of str"
      "ing at character 3'" },
    { "return cjson.decode(12)",
      "true 12" },
    { "return cjson.decode(1.5)",
      "true 1.5" },
    { "return cjson.decode()",
      "false 'user_script:1: bad argument #1 to 'decode' (expected 1 argume"
      "nt)'" },
    { "return cjson.decode(nil)",
      "false 'user_script:1: bad argument #1 to 'decode' (string expected, "
      "got nil)'" },
    { "return cjson.decode({})",
      "false 'user_script:1: bad argument #1 to 'decode' (string expected, "
      "got table)'" },
    { "return cjson.decode(true)",
      "false 'user_script:1: bad argument #1 to 'decode' (string expected, "
      "got boolean)'" },
    { "return cjson.decode('1','2')",
      "false 'user_script:1: bad argument #1 to 'decode' (expected 1 argume"
      "nt)'" },
    { "return #cjson.decode(string.rep('[',1000)..string.rep(']',1000))",
      "true 1" },
    { "return cjson.decode(string.rep('[',1001)..string.rep(']',1001))",
      "false 'user_script:1: Found too many nested data structures (1001) a"
      "t character 1001'" },
    { "return cjson.decode(string.rep('{\"a\":',1001)..'1'..string.rep('}',"
      "1001))",
      "false 'user_script:1: Found too many nested data structures (1001) a"
      "t character 5001'" },
    { "return cjson.decode(string.rep(' ',500)..'[')",
      "false 'user_script:1: Expected value but found T_END at character 50"
      "2'" },
    { "return #cjson.decode('['..string.rep('1,',5000)..'1]')",
      "true 5001" },
    { "return cjson.encode(cjson.decode('[1,2,{\"a\":[true,false,null,\"x\\"
      "\\u00e9\\\\/\"]}]'))",
      "true '[1,2,{\"a\":[true,false,null,\"x\\195\\169\\092/\"]}]'" },
    { "return cjson.encode(cjson.decode('{\"a\":[]}'))",
      "true '{\"a\":{}}'" },
    { "return cjson.encode(cjson.decode('-0'))",
      "true '-0'" },
    { "return tostring(cjson.decode('-0'))",
      "true '-0'" },
    { "return cjson.encode(cjson.decode('[1e3,1.50,100000000000000000000]')"
      ")",
      "true '[1000,1.5,1e+20]'" },
    { "return cjson._NAME,cjson._VERSION",
      "true 'cjson' '2.1.0'" },
    { "return tostring(cjson.null),type(cjson.null)",
      "true 'userdata: (nil)' 'userdata'" },
    { "local c=cjson.new() c.encode_number_precision(3) return c.encode(3.1"
      "4159),cjson.encode(3.14159),c._NAME",
      "true '3.14' '3.14159' 'cjson'" },
    { "local c=cjson.new() return c.encode_number_precision(),c.encode_numb"
      "er_precision(1),c.encode(123)",
      "true 14 1 '1e+02'" },
    { "local c=cjson.new() return c.encode_number_precision(0)",
      "false 'user_script:1: bad argument #1 to 'encode_number_precision' ("
      "expected integer between 1 and 14)'" },
    { "local c=cjson.new() return c.encode_number_precision(15)",
      "false 'user_script:1: bad argument #1 to 'encode_number_precision' ("
      "expected integer between 1 and 14)'" },
    { "local c=cjson.new() return c.encode_number_precision('x')",
      "false 'user_script:1: bad argument #1 to 'encode_number_precision' ("
      "number expected, got string)'" },
    { "local c=cjson.new() return c.encode_number_precision('5'),c.encode(0"
      ".123456789)",
      "true 5 '0.12346'" },
    { "local c=cjson.new() return c.encode_sparse_array()",
      "true false 2 10" },
    { "local c=cjson.new() return c.encode_sparse_array(true),c.encode({[1]"
      "=1,[100]=2})~=nil",
      "true true true" },
    { "local c=cjson.new() c.encode_sparse_array(true) return c.encode({[10"
      "0]=2})",
      "true '{\"100\":2}'" },
    { "local c=cjson.new() c.encode_sparse_array(false,0) return c.encode({"
      "[15]=2})",
      "true '[null,null,null,null,null,null,null,null,null,null,null,null,n"
      "ull,null,2]'" },
    { "local c=cjson.new() c.encode_sparse_array(false,2,20) return c.encod"
      "e({[20]=2})",
      "true '[null,null,null,null,null,null,null,null,null,null,null,null,n"
      "ull,null,null,null,null,null,null,2]'" },
    { "local c=cjson.new() c.encode_sparse_array(false,2,3) return c.encode"
      "({[4]=2})",
      "false 'user_script:1: Cannot serialise table: excessively sparse arr"
      "ay'" },
    { "local c=cjson.new() c.encode_sparse_array(false,1,1) return c.encode"
      "({[1]=1,[3]=2})",
      "false 'user_script:1: Cannot serialise table: excessively sparse arr"
      "ay'" },
    { "local c=cjson.new() return c.encode_sparse_array('on',1,2)",
      "true true 1 2" },
    { "local c=cjson.new() return c.encode_sparse_array('off')",
      "true false 2 10" },
    { "local c=cjson.new() return c.encode_sparse_array('maybe')",
      "false 'user_script:1: bad argument #1 to 'encode_sparse_array' (inva"
      "lid option 'maybe')'" },
    { "local c=cjson.new() return c.encode_sparse_array(1)",
      "false 'user_script:1: bad argument #1 to 'encode_sparse_array' (inva"
      "lid option '1')'" },
    { "local c=cjson.new() return c.encode_sparse_array(true,-1)",
      "false 'user_script:1: bad argument #1 to 'encode_sparse_array' (expe"
      "cted integer between 0 and 2147483647)'" },
    { "local c=cjson.new() return c.encode_sparse_array(true,1,2,3)",
      "false 'user_script:1: bad argument #4 to 'encode_sparse_array' (foun"
      "d too many arguments)'" },
    { "local c=cjson.new() return c.encode_max_depth(),c.encode_max_depth(2"
      "),c.encode({{1}})",
      "true 1000 2 '[[1]]'" },
    { "local c=cjson.new() c.encode_max_depth(2) return c.encode({{{1}}})",
      "false 'user_script:1: Cannot serialise, excessive nesting (3)'" },
    { "local c=cjson.new() return c.encode_max_depth(0)",
      "false 'user_script:1: bad argument #1 to 'encode_max_depth' (expecte"
      "d integer between 1 and 2147483647)'" },
    { "local c=cjson.new() return c.decode_max_depth(),c.decode_max_depth(1"
      "),c.decode('[1]')",
      "true 1000 1 {1=1}" },
    { "local c=cjson.new() c.decode_max_depth(1) return c.decode('[[1]]')",
      "false 'user_script:1: Found too many nested data structures (2) at c"
      "haracter 2'" },
    { "local c=cjson.new() c.decode_max_depth(1) return c.decode(' {\"a\":{"
      "}}')",
      "false 'user_script:1: Found too many nested data structures (2) at c"
      "haracter 7'" },
    { "local c=cjson.new() return c.decode_max_depth(2.7)",
      "true 2" },
    { "local c=cjson.new() return c.decode_max_depth(1,2)",
      "false 'user_script:1: bad argument #2 to 'decode_max_depth' (found t"
      "oo many arguments)'" },
    { "local c=cjson.new() return c.encode_keep_buffer(),c.encode_keep_buff"
      "er(false),c.encode_keep_buffer('on')",
      "true true false true" },
    { "local c=cjson.new() return c.encode_invalid_numbers(),c.encode_inval"
      "id_numbers(true),c.encode(1/0),c.encode(-1/0),c.encode(0/0)",
      "true false true 'inf' '-inf' 'nan'" },
    { "local c=cjson.new() return c.encode_invalid_numbers('null'),c.encode"
      "(1/0),c.encode({0/0})",
      "true 'null' 'null' '[null]'" },
    { "local c=cjson.new() return c.encode_invalid_numbers('off'),c.encode("
      "1/0)",
      "false 'user_script:1: Cannot serialise number: must not be NaN or In"
      "f'" },
    { "local c=cjson.new() return c.encode_invalid_numbers('bad')",
      "false 'user_script:1: bad argument #1 to 'encode_invalid_numbers' (i"
      "nvalid option 'bad')'" },
    { "local c=cjson.new() return c.decode_invalid_numbers(),c.decode_inval"
      "id_numbers(false),c.decode('1')",
      "true true false 1" },
    { "local c=cjson.new() c.decode_invalid_numbers(false) return c.decode("
      "'0x10')",
      "false 'user_script:1: Expected value but found invalid number at cha"
      "racter 1'" },
    { "local c=cjson.new() c.decode_invalid_numbers(false) return c.decode("
      "'01')",
      "false 'user_script:1: Expected value but found invalid number at cha"
      "racter 1'" },
    { "local c=cjson.new() c.decode_invalid_numbers(false) return c.decode("
      "'-01')",
      "false 'user_script:1: Expected value but found invalid number at cha"
      "racter 1'" },
    { "local c=cjson.new() c.decode_invalid_numbers(false) return c.decode("
      "'nan')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "local c=cjson.new() c.decode_invalid_numbers(false) return c.decode("
      "'-inf')",
      "false 'user_script:1: Expected value but found invalid number at cha"
      "racter 1'" },
    { "local c=cjson.new() c.decode_invalid_numbers(false) return c.decode("
      "'+1')",
      "false 'user_script:1: Expected value but found invalid token at char"
      "acter 1'" },
    { "local c=cjson.new() c.decode_invalid_numbers(false) return c.decode("
      "'0'),c.decode('-0.5'),c.decode('10')",
      "true 0 -0.5 10" },
    { "local c=cjson.new() c.decode_invalid_numbers(false) return c.decode("
      "'-')",
      "false 'user_script:1: Expected value but found invalid number at cha"
      "racter 1'" },
    { "local c=cjson.new() return c.decode_invalid_numbers('null')",
      "false 'user_script:1: bad argument #1 to 'decode_invalid_numbers' (i"
      "nvalid option 'null')'" },
    { "return cjson.new(1,2)~=nil",
      "true true" },
    { "local c=cjson.new() c.encode_max_depth(1e6) local t={} for i=1,9000 "
      "do t={t} end return pcall(c.encode,t)",
      "true false 'Cannot serialise, excessive nesting (7998)'" },
    { "local c=cjson.new() c.decode_max_depth(1e6) return c.decode(string.r"
      "ep('[',9000))",
      "false 'user_script:1: Found too many nested data structures (7999) a"
      "t character 7999'" }
};
