# Holds a lease on the log of the sliver's init, for x86_64: takes a descriptor of it, has the init close its own, so
# that nobody else has the file open, and asks for the lease. Prints "held" and stays.
use strict;
my ($PTRACE_SEIZE, $INTERRUPT, $DETACH, $GETREGS, $SETREGS, $STEP) = (0x4206, 0x4207, 17, 12, 13, 9);
open(my $log, '+<', '/proc/1/fd/1') or die "log: $!";
sub trace { syscall(101, $_[0], 1, 0, $_[1]) == 0 or die "ptrace $_[0]: $!" }
trace($PTRACE_SEIZE, 0); trace($INTERRUPT, 0); waitpid(1, 0x40000000);
my $before = pack('Q27', (0) x 27); trace($GETREGS, $before);
for my $descriptor (1, 2) {
  my @now = unpack('Q27', $before);
  @now[10, 15, 14, 16] = (3, -1, $descriptor, $now[16] - 2); # rax: close, orig_rax, rdi, rip: the system call it is in
  my $after = pack('Q15qQ11', @now);
  trace($SETREGS, $after);
  trace($STEP, 0); waitpid(1, 0x40000000);
}
trace($SETREGS, $before); trace($DETACH, 0);
fcntl($log, 1024, 1) or die "lease: $!"; # F_SETLEASE, F_WRLCK
$SIG{IO} = 'IGNORE';
$| = 1; print "held\n"; close STDOUT; close STDERR; close STDIN;
sleep while 1;
