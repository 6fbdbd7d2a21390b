<?php
// What clients in PHP share: tests that are told as TAP.

// written past PHP's own output, whose begin would be the end of the headers
error_reporting(E_ALL & ~E_DEPRECATED);

$count = 0;
$failed = 0;


function equal($got, $want)
{
    if ($got !== $want) {
        throw new Exception(var_export($got, true) . ' is not '
                            . var_export($want, true));
    }
}


function fails($class, $pattern, $code)
{
    try {
        $code();
    } catch (Throwable $e) {
        if ($e instanceof $class
            && ($pattern === '' || preg_match($pattern, $e->getMessage())))
        {
            return;
        }

        throw $e;
    }

    throw new Exception("no $class");
}


// until it is true; an error, if that takes too long
function until($code)
{
    for ($i = 0; $i < 1200; $i++) {
        if ($code()) {
            return;
        }

        usleep(50000);
    }

    throw new Exception('never');
}


// starts the server anew, as t/lib/KS/Clients.pm says
function restart()
{
    exec(getenv('KS_RESTART'), $out, $code);
    equal($code, 0);
}


function test($name, $code)
{
    global $count, $failed;

    $count++;

    try {
        $code();
        fwrite(STDOUT, "ok $count - $name\n");
    } catch (Throwable $e) {
        $failed++;
        fwrite(STDOUT, "not ok $count - $name\n"
                       . preg_replace('/^/m', '# ', $e) . "\n");
    }
}


function done()
{
    global $count, $failed;

    fwrite(STDOUT, "1..$count\n");
    exit($failed ? 1 : 0);
}
