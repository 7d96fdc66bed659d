# A FUSE server as a hostile guest writes one: fuse.pl DIRECTORY KIND, for x86_64.
#   silent    never answers who looks for the file `gone`; itself waits for that answer, sharing its open files with
#             the server, so that no signal ends it
#   terminal  the file `ptmx`, which passes for the master side of a terminal, and holds whoever closes it
use strict;
my ($directory, $kind) = @ARGV;
mkdir $directory;
open(my $fuse, '+<', '/dev/fuse') or die "/dev/fuse: $!";
my $options = 'fd=' . fileno($fuse) . ',rootmode=40000,user_id=0,group_id=0,allow_other';
my ($source, $type) = ('hostile', 'fuse'); # syscall takes no constants
syscall(165, $source, $directory, $type, 6, $options) == 0 or die "mount: $!"; # nosuid, nodev

# A real terminal, whose number the false one gives.
open(my $terminal, '+<', '/dev/pts/ptmx') or die "ptmx: $!";
my ($number, $unlocked) = (pack('L', 0), pack('L', 0));
ioctl($terminal, 0x80045430, $number) && ioctl($terminal, 0x40045431, $unlocked) or die "terminal: $!";

my $CLONE_FILES = 0x400;
my $pid = $kind eq 'silent' ? syscall(56, $CLONE_FILES | 17, 0, 0, 0, 0) : fork;
if ($pid != 0 && $kind eq 'silent') { exit((stat "$directory/gone") ? 0 : 1) }
exit 0 if $pid != 0;

sub answer { my ($unique, $error, $body) = @_; syswrite($fuse, pack('LlQ', 16 + length $body, $error, $unique) . $body) }
sub attributes { my ($node) = @_; pack('Q6L10', $node, 0, 0, 0, 0, 0, 0, 0, 0, $node == 1 ? 040777 : 0100666, 1, 0, 0, 0, 4096, 0) }
while (sysread($fuse, my $request, 1 << 18)) {
  my (undef, $operation, $unique, $node) = unpack('LLQQ', $request);
  my $rest = substr($request, 40);
  if ($operation == 26) { answer($unique, 0, pack('LLLLSSLLSSL8', 7, 31, 65536, 0, 0, 0, 65536, 1, 0, 0, (0) x 8)) }
  elsif ($operation == 1) {
    next if $rest =~ /^gone/;
    if ($rest =~ /^ptmx/) { answer($unique, 0, pack('Q4L2', 2, 0, 1000, 1000, 0, 0) . attributes(2)) }
    else { answer($unique, -2, '') }
  }
  elsif ($operation == 3) { answer($unique, 0, pack('QLL', 1000, 0, 0) . attributes($node)) }
  elsif ($operation == 14 || $operation == 27) { answer($unique, 0, pack('QLL', 0, 0, 0)) }
  elsif ($operation == 39) {
    my (undef, undef, $command) = unpack('QLL', $rest);
    if ($command == 0x80045430) { answer($unique, 0, pack('lLLL', 0, 0, 0, 0) . substr($number, 0, 4)) }
    else { answer($unique, 0, pack('lLLL', 0, 0, 0, 0)) }
  }
  elsif ($operation == 25) { } # whoever closes it waits
  else { answer($unique, -38, '') }
}
