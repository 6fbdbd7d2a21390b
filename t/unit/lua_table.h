/* The table library: scripts, and what redis-server 7.0.15 makes of them. */

static const lua_case_t  table_cases[] = {
    { "return select('#', unpack({}, 1, 7997))",
      "true 7997" },
    { "return unpack({}, 1, 7998)",
      "false 'user_script:1: too many results to unpack'" },
    { "local s = 999 local function u(n) local t = {} for i = 0, n do t[i] = 0 "
      "end unpack(t) end while pcall(function() u(s * 2) end) do s = s * 2 end "
      "return s",
      "true 7992" },
    { "return table.concat({})",
      "true ''" },
    { "return table.concat({1,2,3})",
      "true '123'" },
    { "return table.concat({1,2,3},',')",
      "true '1,2,3'" },
    { "return table.concat({1,2,3},', ',2)",
      "true '2, 3'" },
    { "return table.concat({1,2,3},', ',2,3)",
      "true '2, 3'" },
    { "return table.concat({1,2,3},',',3,2)",
      "true ''" },
    { "return table.concat({1,2.5,10/2,1e15,2^53,'x'},' ')",
      "true '1 2.5 5 1e+15 9.007199254741e+15 x'" },
    { "return table.concat({1,2,3},5)",
      "true '15253'" },
    { "return table.concat({1,2,3},10/2)",
      "true '15253'" },
    { "return table.concat({1,2,3},',',1.9,2.9)",
      "true '1,2'" },
    { "return table.concat({1,2,{},4})",
      "false 'user_script:1: invalid value (table) at index 3 in table for "
      "'concat''" },
    { "return table.concat({1,nil,3},',',1,3)",
      "false 'user_script:1: invalid value (nil) at index 2 in table for 'c"
      "oncat''" },
    { "return table.concat({true})",
      "false 'user_script:1: invalid value (boolean) at index 1 in table fo"
      "r 'concat''" },
    { "return table.concat({1,2},',',1,3)",
      "false 'user_script:1: invalid value (nil) at index 3 in table for 'c"
      "oncat''" },
    { "return table.concat()",
      "false 'user_script:1: bad argument #1 to 'concat' (table expected, g"
      "ot no value)'" },
    { "return table.concat(5)",
      "false 'user_script:1: bad argument #1 to 'concat' (table expected, g"
      "ot number)'" },
    { "return table.concat({},{})",
      "false 'user_script:1: bad argument #2 to 'concat' (string expected, "
      "got table)'" },
    { "return table.concat({1},',','x')",
      "false 'user_script:1: bad argument #3 to 'concat' (number expected, "
      "got string)'" },
    { "return table.concat({'a\\0b','c'},'\\0')",
      "true 'a\\000b\\000c'" },
    { "local t={} for i=1,1000 do t[i]='xyz' end return #table.concat(t,','"
      ")",
      "true 3999" },
    { "local t={} table.insert(t,1) table.insert(t,2) return t",
      "true {1=1,2=2}" },
    { "local t={1,2,3} table.insert(t,1,0) return t",
      "true {1=0,2=1,3=2,4=3}" },
    { "local t={1,2,3} table.insert(t,2,9) return t",
      "true {1=1,2=9,3=2,4=3}" },
    { "local t={1,2,3} table.insert(t,4,9) return t",
      "true {1=1,2=2,3=3,4=9}" },
    { "local t={1,2,3} table.insert(t,6,9) return t",
      "true {1=1,2=2,3=3,6=9}" },
    { "local t={1,2,3} table.insert(t,0,9) return t",
      "true {0=9,2=1,3=2,4=3}" },
    { "local t={1,2,3} table.insert(t,-1,9) return t",
      "true {-1=9,2=1,3=2,4=3}" },
    { "local t={1,2,3} table.insert(t,2.7,9) return t",
      "true {1=1,2=9,3=2,4=3}" },
    { "local t={1,2,3} table.insert(t,'2',9) return t",
      "true {1=1,2=9,3=2,4=3}" },
    { "local t={1,2,3} table.insert(t,nil) return t",
      "true {1=1,2=2,3=3}" },
    { "local t={1,2,3} table.insert(t,2,nil) return t",
      "true {1=1,3=2,4=3}" },
    { "return table.insert({})",
      "false 'user_script:1: wrong number of arguments to 'insert''" },
    { "return table.insert({},1,2,3)",
      "false 'user_script:1: wrong number of arguments to 'insert''" },
    { "return table.insert(5,1)",
      "false 'user_script:1: bad argument #1 to 'insert' (table expected, g"
      "ot number)'" },
    { "return table.insert({},'x',1)",
      "false 'user_script:1: bad argument #2 to 'insert' (number expected, "
      "got string)'" },
    { "return table.insert()",
      "false 'user_script:1: bad argument #1 to 'insert' (table expected, g"
      "ot no value)'" },
    { "return select('#',table.insert({},1))",
      "true 0" },
    { "local t={1,2,3} return table.remove(t),t",
      "true 3 {1=1,2=2}" },
    { "local t={1,2,3} return table.remove(t,1),t",
      "true 1 {1=2,2=3}" },
    { "local t={1,2,3} return table.remove(t,2.7),t",
      "true 2 {1=1,2=3}" },
    { "local t={1,2,3} return table.remove(t,4),t",
      "true nil {1=1,2=2,3=3}" },
    { "local t={1,2,3} return table.remove(t,10),t",
      "true nil {1=1,2=2,3=3}" },
    { "local t={1,2,3} return table.remove(t,0),t",
      "true nil {1=1,2=2,3=3}" },
    { "local t={1,2,3} return table.remove(t,-1),t",
      "true nil {1=1,2=2,3=3}" },
    { "return table.remove({})",
      "true" },
    { "return select('#',table.remove({}))",
      "true 0" },
    { "return table.remove()",
      "false 'user_script:1: bad argument #1 to 'remove' (table expected, g"
      "ot no value)'" },
    { "return table.remove(5)",
      "false 'user_script:1: bad argument #1 to 'remove' (table expected, g"
      "ot number)'" },
    { "return table.getn({1,2,3}),table.getn({})",
      "true 3 0" },
    { "return table.getn(5)",
      "false 'user_script:1: bad argument #1 to 'getn' (table expected, got"
      " number)'" },
    { "return table.getn()",
      "false 'user_script:1: bad argument #1 to 'getn' (table expected, got"
      " no value)'" },
    { "return table.setn({},1)",
      "false 'user_script:1: 'setn' is obsolete'" },
    { "return table.setn(5,1)",
      "false 'user_script:1: bad argument #1 to 'setn' (table expected, got"
      " number)'" },
    { "return table.maxn({}),table.maxn({1,2}),table.maxn({[10]=1,[2.5]=2})"
      ",table.maxn({[-1]=1}),table.maxn({a=1,[3.5]=1})",
      "true 0 2 10 0 3.5" },
    { "return table.maxn(5)",
      "false 'user_script:1: bad argument #1 to 'maxn' (table expected, got"
      " number)'" },
    { "return table.foreach({5},function(k,v) return k..v end)",
      "true '15'" },
    { "local s=0 table.foreach({1,2,x=3},function(k,v) s=s+v end) return s",
      "true 6" },
    { "return table.foreach({},function() end)",
      "true" },
    { "return table.foreach({1})",
      "false 'user_script:1: bad argument #2 to 'foreach' (function expecte"
      "d, got no value)'" },
    { "return table.foreach(1,function() end)",
      "false 'user_script:1: bad argument #1 to 'foreach' (table expected, "
      "got number)'" },
    { "return table.foreachi({5,6},function(k,v) if k==2 then return v end "
      "end)",
      "true 6" },
    { "local r='' table.foreachi({'a','b'},function(k,v) r=r..k..v end) ret"
      "urn r",
      "true '1a2b'" },
    { "return table.foreachi({1},2)",
      "false 'user_script:1: bad argument #2 to 'foreachi' (function expect"
      "ed, got number)'" },
    { "return unpack({1,2,3})",
      "true 1 2 3" },
    { "return unpack({1,2,3},2)",
      "true 2 3" },
    { "return unpack({1,2,3},2,3)",
      "true 2 3" },
    { "return unpack({1,2,3},2.7)",
      "true 2 3" },
    { "return unpack({1,2,3},'2')",
      "true 2 3" },
    { "return unpack({1,nil,3},1,3)",
      "true 1 nil 3" },
    { "return unpack({},1,3)",
      "true nil nil nil" },
    { "return unpack({})",
      "true" },
    { "return unpack({1,2},2,1)",
      "true" },
    { "return unpack({1},1,1e8)",
      "false 'user_script:1: too many results to unpack'" },
    { "return unpack()",
      "false 'user_script:1: bad argument #1 to 'unpack' (table expected, g"
      "ot no value)'" },
    { "return unpack({},'x')",
      "false 'user_script:1: bad argument #2 to 'unpack' (number expected, "
      "got string)'" },
    { "return select(2,'a','b','c')",
      "true 'b' 'c'" },
    { "return select(-1,'a','b','c')",
      "true 'c'" },
    { "return select(2.7,'a','b','c')",
      "true 'b' 'c'" },
    { "return select('2','a','b','c')",
      "true 'b' 'c'" },
    { "return select('#')",
      "true 0" },
    { "return select('#',nil,nil)",
      "true 2" },
    { "return select(0,'a')",
      "false 'user_script:1: bad argument #1 to 'select' (index out of rang"
      "e)'" },
    { "return select(-5,'a')",
      "false 'user_script:1: bad argument #1 to 'select' (index out of rang"
      "e)'" },
    { "return select(5,'a')",
      "true" },
    { "return select('x')",
      "false 'user_script:1: bad argument #1 to 'select' (number expected, "
      "got string)'" },
    { "return select()",
      "false 'user_script:1: bad argument #1 to 'select' (number expected, "
      "got no value)'" },
    { "local t={3,1,2} table.sort(t) return t",
      "true {1=1,2=2,3=3}" },
    { "local t={'b','a','C',''} table.sort(t) return t",
      "true {1='',2='C',3='a',4='b'}" },
    { "local t={3,1,2} table.sort(t,function(a,b) return a>b end) return t",
      "true {1=3,2=2,3=1}" },
    { "local t={} table.sort(t) return t",
      "true {}" },
    { "local t={1} table.sort(t) return t",
      "true {1=1}" },
    { "local t={2,1} table.sort(t) return t",
      "true {1=1,2=2}" },
    { "local t={3,2,'a'} table.sort(t) return t",
      "false 'attempt to compare string with number'" },
    { "local t={{},{}} table.sort(t) return t",
      "false 'attempt to compare two table values'" },
    { "return table.sort(5)",
      "false 'user_script:1: bad argument #1 to 'sort' (table expected, got"
      " number)'" },
    { "return table.sort({3,1},5)",
      "false 'user_script:1: bad argument #2 to 'sort' (function expected, "
      "got number)'" },
    { "return table.sort({3,1},nil)",
      "true" },
    { "return table.sort()",
      "false 'user_script:1: bad argument #1 to 'sort' (table expected, got"
      " no value)'" },
    { "local t={} for i=1,1000 do t[i]=(i*7919)%1009 end table.sort(t) for "
      "i=2,1000 do if t[i-1]>t[i] then return i end end return 'ok'",
      "true 'ok'" },
    { "local t={} for i=1,300 do t[i]={k=(i*7)%5,v=i} end table.sort(t,func"
      "tion(a,b) return a.k<b.k end) local r={} for i=1,300 do r[i]=t[i].v "
      "end return table.concat(r,',')",
      "true '300,135,140,130,125,120,145,160,155,170,165,175,115,105,70,75,"
      "65,60,110,80,90,85,100,95,55,180,190,265,270,260,255,250,275,285,280"
      ",295,290,185,245,235,205,200,195,240,210,220,215,230,225,50,150,30,2"
      "0,45,5,10,40,15,25,35,178,113,218,163,18,208,213,118,38,223,233,98,1"
      "08,153,228,158,143,28,148,33,168,133,183,173,138,203,188,193,123,23,"
      "238,128,198,13,103,93,68,278,283,273,8,268,78,263,63,48,298,53,288,2"
      "93,3,58,258,73,248,253,83,43,243,88,286,11,26,51,156,231,261,181,161"
      ",236,171,296,291,246,166,226,281,186,201,221,21,266,216,206,211,256,"
      "241,196,251,16,271,276,6,191,1,176,136,141,96,41,131,111,56,76,61,10"
      "1,71,106,116,31,126,46,151,86,81,121,36,66,146,91,109,214,39,274,69,"
      "219,224,114,154,104,269,89,249,44,9,254,259,84,229,79,264,99,74,244,"
      "234,239,14,94,19,279,289,134,24,49,189,149,294,184,139,174,209,169,1"
      "79,59,34,164,129,159,4,204,54,119,199,124,64,29,299,194,144,284,297,"
      "262,2,67,292,282,272,47,277,77,72,62,57,7,267,287,257,157,252,192,13"
      "2,187,182,22,197,127,122,202,137,177,147,162,152,32,167,172,27,142,8"
      "2,207,212,92,242,237,97,12,42,247,87,117,232,227,112,37,102,217,222,"
      "17,107,52'" },
    { "local t={} for i=1,150 do t[i]={k=(i*13)%3,v=i} end table.sort(t,fun"
      "ction(a,b) return a.k>b.k end) local r={} for i=1,150 do r[i]=t[i].v"
      " end return table.concat(r,',')",
      "true '56,122,41,44,83,134,47,86,137,92,38,32,35,119,80,53,128,62,125"
      ",71,65,50,74,149,131,59,77,113,29,89,140,104,11,14,101,17,146,107,2,"
      "8,110,5,143,116,20,95,26,23,68,98,97,73,106,70,91,109,85,94,118,76,1"
      "24,79,88,103,82,121,100,115,1,67,25,22,142,28,31,139,34,37,19,13,4,1"
      "48,16,7,145,10,136,112,52,61,49,40,55,58,130,133,127,43,46,64,129,11"
      "4,147,135,117,126,120,144,123,132,141,138,75,108,33,30,27,36,42,39,4"
      "5,48,24,18,6,3,21,9,15,12,111,51,57,93,90,87,96,102,99,105,54,84,78,"
      "63,60,81,66,72,69,150'" },
    { "local t={} for i=1,50 do t[i]=i end table.sort(t,function(a,b) retur"
      "n true end) return #t",
      "false 'user_script:1: invalid order function for sorting'" },
    { "local t={3,1,2,5,4} table.sort(t,function(a,b) return false end) ret"
      "urn t",
      "true {1=3,2=5,3=2,4=1,5=4}" },
    { "local t={5,4,3,2,1} table.sort(t,function(a,b) return a<=b end) retu"
      "rn t",
      "true {1=1,2=2,3=3,4=4,5=5}" },
    { "local t={1,1,1,1} table.sort(t,function(a,b) return a<=b end) return"
      " t",
      "false 'user_script:1: attempt to compare nil with number'" },
    { "local t={3,1,2} table.sort(t,function(a,b) error('x',0) end) return "
      "t",
      "false 'x'" },
    { "local t={} for i=1,100 do t[i]=i%2 end table.sort(t,function(a,b) re"
      "turn nil end) return table.concat(t)",
      "true '11001011010011011000010111101101001010000101110101000110100101"
      "10001011101010010010110101111010001010'" },
    { "local t=setmetatable({},{__lt=function() return true end}) return ta"
      "ble.sort({t,t})",
      "true" }
};
