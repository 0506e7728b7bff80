// All kernels as one unit, so that they share the tiles. There is no data segment: the module may be put into a memory that
// belongs to another one, with its stack wherever the host sets it.
#include "dense-stack.c"
#include "tensor-ops.c"
