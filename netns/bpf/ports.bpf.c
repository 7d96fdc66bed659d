/* What arbitration of ports can't be without: binds, the daemon's commands, packets to and from the slivers' links. */
#include "bind.h"
#include "command.h"
#include "links.h"

char LICENSE[] SEC("license") = "GPL";
