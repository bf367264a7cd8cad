# Instructions that the kernel's JIT for arm64 can write (arch/arm64/net/bpf_jit.h), and some of their neighbours.
b .+8
b .-4
bl .+64
bl .-400
b.eq .+16
b.ne .-16
b.hs .+4
b.lo .+4
b.hi .+4
b.ls .+4
b.gt .+4
b.ge .+4
b.lt .+4
b.le .+4
cbz x0, .+8
cbnz w1, .-8
tbz x1, #3, .+8
tbnz x1, #33, .-8
br x10
blr x10
ret
ldrb w0, [x1, x2]
strb w0, [x1, x2]
ldrsb x0, [x1, x2]
ldrh w0, [x1, x2]
strh w0, [x1, x2]
ldrsh x0, [x1, x2]
ldr w0, [x1, x2]
str w0, [x1, x2]
ldrsw x0, [x1, x2]
ldr x0, [x1, x2]
str x0, [x1, x2]
ldrb w0, [x1, #12]
strb w0, [x1, #200]
ldrsb x0, [x1, #12]
ldrh w0, [x1, #12]
strh w0, [x1, #12]
ldrsh x0, [x1, #12]
ldr w0, [x1, #1024]
str w0, [x1, #12]
ldrsw x0, [x1, #12]
ldr x0, [x1]
ldr x0, [x1, #32760]
str x0, [x1, #16]
ldur x0, [x1, #-8]
stur w0, [x25, #-17]
ldr x10, .+8
stp x29, x30, [sp, #-16]!
ldp x29, x30, [sp], #16
stp x19, x20, [sp, #-16]!
ldp x19, x20, [sp], #16
stp x0, x1, [sp, #-512]
ldxr x11, [x10]
ldxr w11, [x10]
stxr w12, x11, [x10]
stlxr w12, w11, [x10]
ldadd x0, x11, [x10]
ldaddal x0, x0, [x1]
ldclral x0, x0, [x1]
ldeoral w0, w0, [x1]
ldsetal x0, x0, [x1]
stadd x0, [x1]
stclr w0, [x1]
steor x0, [x1]
stset x0, [x1]
swpal x0, x0, [x1]
casal x7, x0, [x1]
ldaprb w0, [x1]
ldarb w0, [x1]
ldarh w0, [x1]
ldar w0, [x1]
ldar x0, [x1]
stlrb w0, [x1]
stlr x0, [x1]
add x25, sp, #0
add x0, x1, #4095
sub sp, sp, #4080
sub x10, x0, #1, lsl #12
adds x0, x1, #1
cmp x0, #33
cmp w0, #33, lsl #12
cmn x0, #7
cmn w0, #1
mov sp, x25
mov x29, sp
lsl x0, x1, #63
lsl w0, w1, #3
lsr x0, x1, #32
lsr w0, w1, #31
asr x0, x1, #4
asr w0, w1, #4
uxth w0, w1
uxtw x0, w1
uxtb w0, w1
sxtb x0, w1
sxtb w0, w1
sxth x0, w1
sxth w0, w1
sxtw x0, w1
movn x0, #0
movn x0, #0x1234
movn x0, #0x1234, lsl #16
movn w0, #0x1234
movn x0, #0xffff, lsl #48
movz x0, #0
movz x0, #0xffff
movz x0, #0xffff, lsl #16
movz x10, #0x8000, lsl #48
movz w0, #0x1234, lsl #16
movk x0, #0x1234
movk x0, #0x1, lsl #16
movk x0, #0xabcd, lsl #32
movk x0, #0xffff, lsl #48
movk w0, #0x9, lsl #16
add x0, x1, x2
add w0, w1, w2
sub x0, x1, x2
neg x0, x0
neg w0, w0
cmp x0, x1
cmp w0, w1
cmn x0, x1
mov x0, x1
mov w0, w1
mvn x0, x1
udiv x0, x1, x2
sdiv w0, w1, w2
msub x0, x1, x2, x3
mul x0, x1, x2
mul w0, w1, w2
madd x0, x1, x2, x3
lsl x0, x1, x2
lsr w0, w1, w2
asr x0, x1, x2
rev16 w0, w0
rev32 x0, x0
rev w0, w0
rev x0, x0
and x0, x1, x2
and x0, x1, x2, lsl #12
orr w0, w1, w2, lsr #9
orr x0, x1, x2
eor w0, w1, w2
ands x0, x1, x2
tst x0, x1
bic x0, x1, x2
and x0, x1, #1
and w0, w1, #0xff
and x0, x1, #0x7ffffffffffffff8
orr x0, x1, #0xf0f0f0f0f0f0f0f0
orr w0, w1, #8
eor x0, x1, #0xff00
eor w0, w0, #1
ands x0, x1, #0xf
tst x0, #0xffff
tst w0, #4
mov x0, #0x5555555555555555
mov w0, #0x7fffffff
dmb ish
dmb ishld
dsb sy
isb
nop
bti c
bti j
bti jc
bti
paciasp
autiasp
hint #22
mrs x0, tpidr_el1
mrs x0, tpidr_el2
mrs x0, sp_el0
brk #0x100
brk #7
csel x0, x1, x2, eq
cset x0, ne
csinv x0, x1, x2, lt
adr x30, .+12
adr x0, .-8
sb
prfm pstl1strm, [x1]
prfm pstl1strm, [x1, #16]
ldr x0, [x1, w2, uxtw]
ldr x0, [x1, x2, lsl #3]
add x0, x1, w2, uxtw #2
add x0, x1, x2, lsl #12
ubfx x0, x1, #4, #8
sbfx x0, x1, #4, #8
ubfiz x0, x1, #4, #8
bfi x0, x1, #4, #8
ror x0, x1, #13
extr x0, x1, x2, #13
clz x0, x1
umulh x0, x1, x2
smull x0, w1, w2
