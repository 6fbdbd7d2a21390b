/* The math library: scripts, and what redis-server 7.0.15 makes of them. */

static const lua_case_t  math_cases[] = {
    { "local r=math.abs(0) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.abs(1) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '1'" },
    { "local r=math.abs(-1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '1'" },
    { "local r=math.abs(4) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '4'" },
    { "local r=math.abs(2.5) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '2.5'" },
    { "local r=math.abs(-2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '2.5'" },
    { "local r=math.ceil(0) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.ceil(1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '1'" },
    { "local r=math.ceil(-1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '-1'" },
    { "local r=math.ceil(4) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '4'" },
    { "local r=math.ceil(2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '3'" },
    { "local r=math.ceil(-2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true '-2'" },
    { "local r=math.floor(0) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.floor(1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '1'" },
    { "local r=math.floor(-1) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '-1'" },
    { "local r=math.floor(4) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '4'" },
    { "local r=math.floor(2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true '2'" },
    { "local r=math.floor(-2.5) if r~=r then return \"nan\" end return stri"
      "ng.format(\"%.10g\",r)",
      "true '-3'" },
    { "local r=math.sqrt(0) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.sqrt(1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '1'" },
    { "local r=math.sqrt(-1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.sqrt(4) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '2'" },
    { "local r=math.sqrt(2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '1.58113883'" },
    { "local r=math.sqrt(-2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.exp(0) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '1'" },
    { "local r=math.exp(1) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '2.718281828'" },
    { "local r=math.exp(-1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0.3678794412'" },
    { "local r=math.exp(4) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '54.59815003'" },
    { "local r=math.exp(2.5) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '12.18249396'" },
    { "local r=math.exp(-2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '0.08208499862'" },
    { "local r=math.log(0) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '-inf'" },
    { "local r=math.log(1) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.log(-1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.log(4) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '1.386294361'" },
    { "local r=math.log(2.5) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '0.9162907319'" },
    { "local r=math.log(-2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.log10(0) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '-inf'" },
    { "local r=math.log10(1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.log10(-1) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.log10(4) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '0.6020599913'" },
    { "local r=math.log10(2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true '0.3979400087'" },
    { "local r=math.log10(-2.5) if r~=r then return \"nan\" end return stri"
      "ng.format(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.cosh(0) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '1'" },
    { "local r=math.cosh(1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '1.543080635'" },
    { "local r=math.cosh(-1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '1.543080635'" },
    { "local r=math.cosh(4) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '27.30823284'" },
    { "local r=math.cosh(2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '6.13228948'" },
    { "local r=math.cosh(-2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true '6.13228948'" },
    { "local r=math.sinh(0) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.sinh(1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '1.175201194'" },
    { "local r=math.sinh(-1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '-1.175201194'" },
    { "local r=math.sinh(4) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '27.2899172'" },
    { "local r=math.sinh(2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '6.050204481'" },
    { "local r=math.sinh(-2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true '-6.050204481'" },
    { "local r=math.tanh(0) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.tanh(1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0.761594156'" },
    { "local r=math.tanh(-1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '-0.761594156'" },
    { "local r=math.tanh(4) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0.9993292997'" },
    { "local r=math.tanh(2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '0.9866142982'" },
    { "local r=math.tanh(-2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true '-0.9866142982'" },
    { "local r=math.sin(0) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.sin(1) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0.8414709848'" },
    { "local r=math.sin(-1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '-0.8414709848'" },
    { "local r=math.sin(4) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '-0.7568024953'" },
    { "local r=math.sin(2.5) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '0.5984721441'" },
    { "local r=math.sin(-2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '-0.5984721441'" },
    { "local r=math.cos(0) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '1'" },
    { "local r=math.cos(1) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0.5403023059'" },
    { "local r=math.cos(-1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0.5403023059'" },
    { "local r=math.cos(4) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '-0.6536436209'" },
    { "local r=math.cos(2.5) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '-0.8011436155'" },
    { "local r=math.cos(-2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '-0.8011436155'" },
    { "local r=math.tan(0) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.tan(1) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '1.557407725'" },
    { "local r=math.tan(-1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '-1.557407725'" },
    { "local r=math.tan(4) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '1.157821282'" },
    { "local r=math.tan(2.5) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '-0.7470222972'" },
    { "local r=math.tan(-2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '0.7470222972'" },
    { "local r=math.asin(0) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.asin(1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '1.570796327'" },
    { "local r=math.asin(-1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '-1.570796327'" },
    { "local r=math.asin(4) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.asin(2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.asin(-2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.acos(0) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '1.570796327'" },
    { "local r=math.acos(1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.acos(-1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '3.141592654'" },
    { "local r=math.acos(4) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.acos(2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.acos(-2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true 'nan'" },
    { "local r=math.atan(0) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.atan(1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '0.7853981634'" },
    { "local r=math.atan(-1) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '-0.7853981634'" },
    { "local r=math.atan(4) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '1.325817664'" },
    { "local r=math.atan(2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '1.19028995'" },
    { "local r=math.atan(-2.5) if r~=r then return \"nan\" end return strin"
      "g.format(\"%.10g\",r)",
      "true '-1.19028995'" },
    { "local r=math.deg(0) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.deg(1) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '57.29577951'" },
    { "local r=math.deg(-1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '-57.29577951'" },
    { "local r=math.deg(4) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '229.1831181'" },
    { "local r=math.deg(2.5) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '143.2394488'" },
    { "local r=math.deg(-2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '-143.2394488'" },
    { "local r=math.rad(0) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0'" },
    { "local r=math.rad(1) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0.01745329252'" },
    { "local r=math.rad(-1) if r~=r then return \"nan\" end return string.f"
      "ormat(\"%.10g\",r)",
      "true '-0.01745329252'" },
    { "local r=math.rad(4) if r~=r then return \"nan\" end return string.fo"
      "rmat(\"%.10g\",r)",
      "true '0.06981317008'" },
    { "local r=math.rad(2.5) if r~=r then return \"nan\" end return string."
      "format(\"%.10g\",r)",
      "true '0.0436332313'" },
    { "local r=math.rad(-2.5) if r~=r then return \"nan\" end return string"
      ".format(\"%.10g\",r)",
      "true '-0.0436332313'" },
    { "return tostring(math.abs(9))",
      "true '9'" },
    { "return tostring(math.abs(16.0))",
      "true '16'" },
    { "return tostring(math.abs(1e15))",
      "true '1e+15'" },
    { "return tostring(math.abs(2^53))",
      "true '9.007199254741e+15'" },
    { "return tostring(math.abs(1e300))",
      "true '1e+300'" },
    { "return tostring(math.abs(-0.0))",
      "true '0'" },
    { "return tostring(math.abs(\"4\"))",
      "true '4'" },
    { "return tostring(math.abs(\"x\"))",
      "false 'user_script:1: bad argument #1 to 'abs' (number expected, got"
      " string)'" },
    { "return tostring(math.abs(nil))",
      "false 'user_script:1: bad argument #1 to 'abs' (number expected, got"
      " nil)'" },
    { "return tostring(math.abs({}))",
      "false 'user_script:1: bad argument #1 to 'abs' (number expected, got"
      " table)'" },
    { "return tostring(math.abs(1/0))",
      "true 'inf'" },
    { "return tostring(math.abs())",
      "false 'user_script:1: bad argument #1 to 'abs' (number expected, got"
      " no value)'" },
    { "return tostring(math.ceil(9))",
      "true '9'" },
    { "return tostring(math.ceil(16.0))",
      "true '16'" },
    { "return tostring(math.ceil(1e15))",
      "true '1e+15'" },
    { "return tostring(math.ceil(2^53))",
      "true '9.007199254741e+15'" },
    { "return tostring(math.ceil(1e300))",
      "true '1e+300'" },
    { "return tostring(math.ceil(-0.0))",
      "true '-0'" },
    { "return tostring(math.ceil(\"4\"))",
      "true '4'" },
    { "return tostring(math.ceil(\"x\"))",
      "false 'user_script:1: bad argument #1 to 'ceil' (number expected, go"
      "t string)'" },
    { "return tostring(math.ceil(nil))",
      "false 'user_script:1: bad argument #1 to 'ceil' (number expected, go"
      "t nil)'" },
    { "return tostring(math.ceil({}))",
      "false 'user_script:1: bad argument #1 to 'ceil' (number expected, go"
      "t table)'" },
    { "return tostring(math.ceil(1/0))",
      "true 'inf'" },
    { "return tostring(math.ceil())",
      "false 'user_script:1: bad argument #1 to 'ceil' (number expected, go"
      "t no value)'" },
    { "return tostring(math.floor(9))",
      "true '9'" },
    { "return tostring(math.floor(16.0))",
      "true '16'" },
    { "return tostring(math.floor(1e15))",
      "true '1e+15'" },
    { "return tostring(math.floor(2^53))",
      "true '9.007199254741e+15'" },
    { "return tostring(math.floor(1e300))",
      "true '1e+300'" },
    { "return tostring(math.floor(-0.0))",
      "true '-0'" },
    { "return tostring(math.floor(\"4\"))",
      "true '4'" },
    { "return tostring(math.floor(\"x\"))",
      "false 'user_script:1: bad argument #1 to 'floor' (number expected, g"
      "ot string)'" },
    { "return tostring(math.floor(nil))",
      "false 'user_script:1: bad argument #1 to 'floor' (number expected, g"
      "ot nil)'" },
    { "return tostring(math.floor({}))",
      "false 'user_script:1: bad argument #1 to 'floor' (number expected, g"
      "ot table)'" },
    { "return tostring(math.floor(1/0))",
      "true 'inf'" },
    { "return tostring(math.floor())",
      "false 'user_script:1: bad argument #1 to 'floor' (number expected, g"
      "ot no value)'" },
    { "return tostring(math.sqrt(9))",
      "true '3'" },
    { "return tostring(math.sqrt(16.0))",
      "true '4'" },
    { "return tostring(math.sqrt(1e15))",
      "true '31622776.601684'" },
    { "return tostring(math.sqrt(2^53))",
      "true '94906265.624252'" },
    { "return tostring(math.sqrt(1e300))",
      "true '1e+150'" },
    { "return tostring(math.sqrt(-0.0))",
      "true '-0'" },
    { "return tostring(math.sqrt(\"4\"))",
      "true '2'" },
    { "return tostring(math.sqrt(\"x\"))",
      "false 'user_script:1: bad argument #1 to 'sqrt' (number expected, go"
      "t string)'" },
    { "return tostring(math.sqrt(nil))",
      "false 'user_script:1: bad argument #1 to 'sqrt' (number expected, go"
      "t nil)'" },
    { "return tostring(math.sqrt({}))",
      "false 'user_script:1: bad argument #1 to 'sqrt' (number expected, go"
      "t table)'" },
    { "return tostring(math.sqrt(1/0))",
      "true 'inf'" },
    { "return tostring(math.sqrt())",
      "false 'user_script:1: bad argument #1 to 'sqrt' (number expected, go"
      "t no value)'" },
    { "return tostring(math.pow(2,3))",
      "true '8'" },
    { "return tostring(math.pow(2,0.5))",
      "true '1.4142135623731'" },
    { "return tostring(math.pow(7,3))",
      "true '343'" },
    { "return tostring(math.pow(-7,3))",
      "true '-343'" },
    { "return tostring(math.pow(7,-3))",
      "true '0.0029154518950437'" },
    { "return tostring(math.pow(5.5,2))",
      "true '30.25'" },
    { "return tostring(math.pow(1,0))",
      "true '1'" },
    { "return tostring(math.pow(2,10))",
      "true '1024'" },
    { "return tostring(math.pow(10,-2))",
      "true '0.01'" },
    { "return tostring(math.pow(\"2\",\"3\"))",
      "true '8'" },
    { "return tostring(math.pow(1))",
      "false 'user_script:1: bad argument #2 to 'pow' (number expected, got"
      " no value)'" },
    { "return tostring(math.pow())",
      "false 'user_script:1: bad argument #2 to 'pow' (number expected, got"
      " no value)'" },
    { "return tostring(math.pow(1,{}))",
      "false 'user_script:1: bad argument #2 to 'pow' (number expected, got"
      " table)'" },
    { "return tostring(math.pow(1e300,2))",
      "true 'inf'" },
    { "return tostring(math.pow(3.0,1.0))",
      "true '3'" },
    { "return tostring(math.fmod(2,3))",
      "true '2'" },
    { "return tostring(math.fmod(2,0.5))",
      "true '0'" },
    { "return tostring(math.fmod(7,3))",
      "true '1'" },
    { "return tostring(math.fmod(-7,3))",
      "true '-1'" },
    { "return tostring(math.fmod(7,-3))",
      "true '1'" },
    { "return tostring(math.fmod(5.5,2))",
      "true '1.5'" },
    { "return tostring(math.fmod(1,0))",
      "true '-nan'" },
    { "return tostring(math.fmod(2,10))",
      "true '2'" },
    { "return tostring(math.fmod(10,-2))",
      "true '0'" },
    { "return tostring(math.fmod(\"2\",\"3\"))",
      "true '2'" },
    { "return tostring(math.fmod(1))",
      "false 'user_script:1: bad argument #2 to 'fmod' (number expected, go"
      "t no value)'" },
    { "return tostring(math.fmod())",
      "false 'user_script:1: bad argument #2 to 'fmod' (number expected, go"
      "t no value)'" },
    { "return tostring(math.fmod(1,{}))",
      "false 'user_script:1: bad argument #2 to 'fmod' (number expected, go"
      "t table)'" },
    { "return tostring(math.fmod(1e300,2))",
      "true '0'" },
    { "return tostring(math.fmod(3.0,1.0))",
      "true '0'" },
    { "return tostring(math.mod(2,3))",
      "true '2'" },
    { "return tostring(math.mod(2,0.5))",
      "true '0'" },
    { "return tostring(math.mod(7,3))",
      "true '1'" },
    { "return tostring(math.mod(-7,3))",
      "true '-1'" },
    { "return tostring(math.mod(7,-3))",
      "true '1'" },
    { "return tostring(math.mod(5.5,2))",
      "true '1.5'" },
    { "return tostring(math.mod(1,0))",
      "true '-nan'" },
    { "return tostring(math.mod(2,10))",
      "true '2'" },
    { "return tostring(math.mod(10,-2))",
      "true '0'" },
    { "return tostring(math.mod(\"2\",\"3\"))",
      "true '2'" },
    { "return tostring(math.mod(1))",
      "false 'user_script:1: bad argument #2 to 'mod' (number expected, got"
      " no value)'" },
    { "return tostring(math.mod())",
      "false 'user_script:1: bad argument #2 to 'mod' (number expected, got"
      " no value)'" },
    { "return tostring(math.mod(1,{}))",
      "false 'user_script:1: bad argument #2 to 'mod' (number expected, got"
      " table)'" },
    { "return tostring(math.mod(1e300,2))",
      "true '0'" },
    { "return tostring(math.mod(3.0,1.0))",
      "true '0'" },
    { "return tostring(math.atan2(2,3))",
      "true '0.58800260354757'" },
    { "return tostring(math.atan2(2,0.5))",
      "true '1.325817663668'" },
    { "return tostring(math.atan2(7,3))",
      "true '1.1659045405098'" },
    { "return tostring(math.atan2(-7,3))",
      "true '-1.1659045405098'" },
    { "return tostring(math.atan2(7,-3))",
      "true '1.97568811308'" },
    { "return tostring(math.atan2(5.5,2))",
      "true '1.222025323211'" },
    { "return tostring(math.atan2(1,0))",
      "true '1.5707963267949'" },
    { "return tostring(math.atan2(2,10))",
      "true '0.19739555984988'" },
    { "return tostring(math.atan2(10,-2))",
      "true '1.7681918866448'" },
    { "return tostring(math.atan2(\"2\",\"3\"))",
      "true '0.58800260354757'" },
    { "return tostring(math.atan2(1))",
      "false 'user_script:1: bad argument #2 to 'atan2' (number expected, g"
      "ot no value)'" },
    { "return tostring(math.atan2())",
      "false 'user_script:1: bad argument #2 to 'atan2' (number expected, g"
      "ot no value)'" },
    { "return tostring(math.atan2(1,{}))",
      "false 'user_script:1: bad argument #2 to 'atan2' (number expected, g"
      "ot table)'" },
    { "return tostring(math.atan2(1e300,2))",
      "true '1.5707963267949'" },
    { "return tostring(math.atan2(3.0,1.0))",
      "true '1.2490457723983'" },
    { "return tostring(math.max(2,3))",
      "true '3'" },
    { "return tostring(math.max(2,0.5))",
      "true '2'" },
    { "return tostring(math.max(7,3))",
      "true '7'" },
    { "return tostring(math.max(-7,3))",
      "true '3'" },
    { "return tostring(math.max(7,-3))",
      "true '7'" },
    { "return tostring(math.max(5.5,2))",
      "true '5.5'" },
    { "return tostring(math.max(1,0))",
      "true '1'" },
    { "return tostring(math.max(2,10))",
      "true '10'" },
    { "return tostring(math.max(10,-2))",
      "true '10'" },
    { "return tostring(math.max(\"2\",\"3\"))",
      "true '3'" },
    { "return tostring(math.max(1))",
      "true '1'" },
    { "return tostring(math.max())",
      "false 'user_script:1: bad argument #1 to 'max' (number expected, got"
      " no value)'" },
    { "return tostring(math.max(1,{}))",
      "false 'user_script:1: bad argument #2 to 'max' (number expected, got"
      " table)'" },
    { "return tostring(math.max(1e300,2))",
      "true '1e+300'" },
    { "return tostring(math.max(3.0,1.0))",
      "true '3'" },
    { "return tostring(math.min(2,3))",
      "true '2'" },
    { "return tostring(math.min(2,0.5))",
      "true '0.5'" },
    { "return tostring(math.min(7,3))",
      "true '3'" },
    { "return tostring(math.min(-7,3))",
      "true '-7'" },
    { "return tostring(math.min(7,-3))",
      "true '-3'" },
    { "return tostring(math.min(5.5,2))",
      "true '2'" },
    { "return tostring(math.min(1,0))",
      "true '0'" },
    { "return tostring(math.min(2,10))",
      "true '2'" },
    { "return tostring(math.min(10,-2))",
      "true '-2'" },
    { "return tostring(math.min(\"2\",\"3\"))",
      "true '2'" },
    { "return tostring(math.min(1))",
      "true '1'" },
    { "return tostring(math.min())",
      "false 'user_script:1: bad argument #1 to 'min' (number expected, got"
      " no value)'" },
    { "return tostring(math.min(1,{}))",
      "false 'user_script:1: bad argument #2 to 'min' (number expected, got"
      " table)'" },
    { "return tostring(math.min(1e300,2))",
      "true '2'" },
    { "return tostring(math.min(3.0,1.0))",
      "true '1'" },
    { "return math.max(1,2.5,2),math.min(3,1.5,2)",
      "true 2.5 1.5" },
    { "return math.max(10/2,3)..'',math.min(1.0,2)..''",
      "true '5' '1'" },
    { "return math.floor(3.7)..'',math.ceil(3.2)..'',math.floor(-3.7)..''",
      "true '3' '4' '-4'" },
    { "return math.floor(10/2)..'',math.sqrt(16)..'',math.pow(2,3)..'',math"
      ".abs(-5.0)..'',math.fmod(7,4)..''",
      "true '5' '4' '8' '5' '3'" },
    { "return math.floor(1e15)..'',math.floor(1e14)..'',math.floor(99999999"
      "999999.5)..''",
      "true '1e+15' '1e+14' '99999999999999'" },
    { "return math.sin(0)..'',math.cos(0)..'',math.exp(0)..'',math.log(1).."
      "''",
      "true '0' '1' '1' '0'" },
    { "return math.modf(3.7)",
      "true 3 0.70000000000000018" },
    { "return math.modf(-3.7)",
      "true -3 -0.70000000000000018" },
    { "return math.modf(5)",
      "true 5 0" },
    { "return math.modf(1/0)",
      "true inf 0" },
    { "return math.modf(-1/0)",
      "true -inf -0" },
    { "return math.modf(10/2)",
      "true 5 0" },
    { "return (math.modf(7/2))..''",
      "true '3'" },
    { "return math.modf()",
      "false 'user_script:1: bad argument #1 to 'modf' (number expected, go"
      "t no value)'" },
    { "return math.frexp(8)",
      "true 0.5 4" },
    { "return math.frexp(0)",
      "true 0 0" },
    { "return math.frexp(0.1)",
      "true 0.80000000000000004 -3" },
    { "return math.frexp(-3)",
      "true -0.75 2" },
    { "return math.ldexp(1,10)",
      "true 1024" },
    { "return math.ldexp(0.5,4)..''",
      "true '8'" },
    { "return math.ldexp(1,2.9)",
      "true 4" },
    { "return math.ldexp(1)",
      "false 'user_script:1: bad argument #2 to 'ldexp' (number expected, g"
      "ot no value)'" },
    { "return math.pi,math.huge",
      "true 3.1415926535897931 inf" },
    { "math.randomseed(5) return math.random(),math.random(),math.random()",
      "true 0.52483957937212644 0.2728543017398819 0.78859946866920194" },
    { "math.randomseed(5) return math.random(10),math.random(10),math.rando"
      "m(1000000)",
      "true 6 3 788600" },
    { "math.randomseed(0) return math.random(5,7),math.random(-5,5),math.ra"
      "ndom(0,1)",
      "true 5 3 0" },
    { "math.randomseed(-1) return math.random()",
      "true 0.3000257272739083" },
    { "math.randomseed(2^31) return math.random()",
      "true 0.67082803634499577" },
    { "math.randomseed(2^32+5) return math.random()",
      "true 0.52483957937212644" },
    { "math.randomseed(1.9) return math.random()",
      "true 0.041630344484760586" },
    { "math.randomseed('7') return math.random()",
      "true 0.26644419658297869" },
    { "math.randomseed(1) return math.random(2.7),math.random(3)..''",
      "true 1 '2'" },
    { "math.randomseed(1) local s=0 for i=1,1000 do s=s+math.random(100) en"
      "d return s",
      "true 50369" },
    { "return math.random(0)",
      "false 'user_script:1: bad argument #1 to 'random' (interval is empty"
      ")'" },
    { "return math.random(-1)",
      "false 'user_script:1: bad argument #1 to 'random' (interval is empty"
      ")'" },
    { "return math.random(5,1)",
      "false 'user_script:1: bad argument #2 to 'random' (interval is empty"
      ")'" },
    { "return math.random(1,2,3)",
      "false 'user_script:1: wrong number of arguments'" },
    { "return math.random('x')",
      "false 'user_script:1: bad argument #1 to 'random' (number expected, "
      "got string)'" },
    { "return math.randomseed()",
      "false 'user_script:1: bad argument #1 to 'randomseed' (number expect"
      "ed, got no value)'" },
    { "return math.randomseed('x')",
      "false 'user_script:1: bad argument #1 to 'randomseed' (number expect"
      "ed, got string)'" },
    { "math.randomseed(3) return math.random(2^31-1)",
      "true 1681984274" },
    { "math.randomseed(3) return math.random(1,2^31)",
      "false 'user_script:1: bad argument #2 to 'random' (interval is empty"
      ")'" },
    { "math.randomseed(3) return math.random(2^31)",
      "false 'user_script:1: bad argument #1 to 'random' (interval is empty"
      ")'" }
};
