// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The programs that frames run through, as one object: to load an object the
 * kernel's own types are read, and that takes longer than all else. Together
 * they are read once.
 */
#include "vex.bpf.c"
#include "vin.bpf.c"

#include "vbr.bpf.c"
#include "vth.bpf.c"

#include "vbk.bpf.c"
#include "vtk.bpf.c"

char _license[] SEC("license") = "Dual BSD/GPL";
