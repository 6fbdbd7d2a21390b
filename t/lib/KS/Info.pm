# What INFO says.

package KS::Info;

use strict;
use warnings;


sub field {
    my ($http, $name) = @_;
    my ($value) = $http->run('INFO') =~ /^\Q$name\E:(.*?)\r?$/m;

    die "INFO has no $name" unless defined $value;

    return $value;
}


sub used { return field($_[0], 'used_memory') }


1;
