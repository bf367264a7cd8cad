/* Code to be taken apart: arithmetic, memory of all widths, loops, calls, atomics, long numbers. */
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

extern u64 other(u64 *words, u64 value);

u64 arithmetic(u64 *words, u64 x, u32 y, long s)
{
	if (x > 5)
		words[1] = x / (y + 1);
	if (s < -4)
		words[2] = s % 7;
	words[3] = x >> y;
	words[4] = s >> 3;
	words[5] = x & 0xff00ff00ff00ff00;
	words[6] = x | 0x8000000000000000;
	words[7] = (u32)(x ^ 0xfffffff0) - 300;
	words[8] = __builtin_bswap32(y) + (u64)__builtin_bswap16(x);
	return x * y + s - 0x12345678;
}

u64 narrow(u8 *bytes, signed char *chars, short *shorts, int index)
{
	bytes[200] = bytes[3] ^ 200;
	shorts[9] += index;
	shorts[-1] = -2;
	chars[0] = -1;
	return chars[index] + shorts[index] + (signed char)index + *(u16 *)(bytes + 77);
}

u64 looping(u64 *words, int count)
{
	u64 sum = 0;

	for (int i = 0; i < count; i++) {
		sum += other(words, i);
		sum ^= words[i];
		if (sum & 1)
			sum = __builtin_bswap64(sum);
		else if (sum >> 33 & 1)
			sum -= 4097;
	}
	return sum + 0x123456789abcdef0;
}

u64 atomics(u64 *words, u32 *halves, u64 x)
{
	__atomic_fetch_add(words, 3, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(words + 1, x, __ATOMIC_SEQ_CST);
	__atomic_fetch_xor(halves, (u32)x, __ATOMIC_SEQ_CST);
	__atomic_store_n(words + 2, x, __ATOMIC_RELEASE);
	return __atomic_exchange_n(words + 3, x, __ATOMIC_SEQ_CST) +
	       __atomic_load_n(halves + 1, __ATOMIC_ACQUIRE) +
	       __sync_val_compare_and_swap(words + 4, x, 7);
}

u64 many(u64 *words)
{
	u64 kept[40];

	for (int i = 0; i < 40; i++)
		kept[i] = other(words, i);
	for (int i = 0; i < 20; i++)
		words[i] = kept[39 - i] * kept[i];
	return kept[1] < kept[2] ? kept[3] : kept[4];
}
