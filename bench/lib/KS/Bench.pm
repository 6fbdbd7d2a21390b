# What the benchmarks' scripts share.

package KS::Bench;

use strict;
use warnings;

use Exporter 'import';
our @EXPORT_OK = qw(median);


sub median {
    my @v = sort { $a <=> $b } @_;

    return @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}


1;
