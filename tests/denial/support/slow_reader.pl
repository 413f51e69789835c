# Reads the answers to many requests slowly. Node cannot make the receive buffer of a socket small, and with a large one the
# server sees nothing of a slow reader: the kernel takes megabytes in advance.
#   perl slow_reader.pl PORT PATH REQUESTS BYTES_PER_SECOND [HEADER_LINE]...
# Says "open OWN_PORT" when it is connected. Says "read N" when its input ends, "closed N" when the server has ended the connection.
use strict;
use warnings;
use Socket;

my ($port, $path, $requests, $rate, @headers) = @ARGV;
$| = 1;
$SIG{PIPE} = 'IGNORE';
socket(my $socket, PF_INET, SOCK_STREAM, getprotobyname('tcp')) or die "socket: $!";
setsockopt($socket, SOL_SOCKET, SO_RCVBUF, 1024) or die "setsockopt: $!";
connect($socket, sockaddr_in($port, inet_aton('127.0.0.1'))) or die "connect: $!";
my $head = join '', map { "$_\r\n" } "GET $path HTTP/1.1", 'Host: localhost', @headers, '';
syswrite($socket, $head x $requests) or die "write: $!";
print "open ", (sockaddr_in(getsockname($socket)))[0], "\n";

# What is due by the clock, so that a busy machine makes the reader late and not slower.
my ($got, $start) = (0, time);
my $input = '';
vec($input, fileno(STDIN), 1) = 1;
until (select my $ended = $input, undef, undef, 0.1) {
  my $due = $rate * (time - $start) - $got;
  next if $due <= 0;
  my $count = sysread($socket, my $bytes, $due);
  if (!$count) {
    print "closed $got\n";
    exit;
  }
  $got += $count;
}
print "read $got\n";
