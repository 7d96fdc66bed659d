/* All programs in one object, so that they share their maps. */
#include "bind.h"
#include "links.h"
#include "local.h"

char LICENSE[] SEC("license") = "GPL";
