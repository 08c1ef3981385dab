// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of private pages. It is allocated in chunks, filled with the base's bytes, and sealed: its
 * own mapping and the direct map become read-only before a text maps it. text_poke() writes it
 * after that (poke.c). A block is a chunk that one page of 2 MB can map.
 *
 *   shk_chunk_alloc()  memory is writable
 *   shk_chunk_fill()   the base's bytes are copied; each copy holds a reference
 *   shk_chunk_seal()   memory is read-only
 *   shk_chunk_put()    last reference: memory is writable again, and is freed
 */
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "text/text.h"

/* Memory of several private pages. Until it is sealed one caller uses it. */
struct shk_chunk {
	u8 *bytes;		 /* mapping in vmalloc space, by which copies are read */
	struct page *block;	 /* first page of a block; NULL: vmalloc memory */
	unsigned int nr, filled; /* pages, and how many of them hold copies */
	bool sealed;		 /* shk_chunk_seal() was called */
	refcount_t ref;		 /* one for each copy; the caller's until shk_chunk_put() */
};

#define BLOCK_ORDER (PMD_SHIFT - PAGE_SHIFT)

/*
 * Returns the mapping by which @chunk is written before it is sealed (made read-only). For a block
 * this is the direct map, in which one large entry maps the block, so that sealing does not split
 * it. The other mapping of a block is read-only.
 */
static u8 *writable(const struct shk_chunk *chunk)
{
	return chunk->block ? page_address(chunk->block) : chunk->bytes;
}

/*
 * Frees @chunk, and its memory if that was allocated. The caller has made the memory writable.
 * Sleeps.
 */
static void chunk_free(struct shk_chunk *chunk)
{
	if (chunk->block) {
		vunmap(chunk->bytes);
		__free_pages(chunk->block, BLOCK_ORDER);
	} else {
		vfree(chunk->bytes);
	}
	kfree(chunk);
}

/*
 * Allocates a struct for a chunk of @nr pages, with one reference; the caller allocates the memory
 * of the pages. Sleeps. Returns NULL if there is no memory.
 */
static struct shk_chunk *chunk_new(unsigned int nr)
{
	struct shk_chunk *chunk = kzalloc(sizeof(*chunk), GFP_KERNEL_ACCOUNT);

	if (chunk) {
		chunk->nr = nr;
		refcount_set(&chunk->ref, 1);
	}
	return chunk;
}

struct shk_chunk *shk_chunk_alloc(unsigned int nr)
{
	struct shk_chunk *chunk = chunk_new(nr);

	if (!chunk)
		return NULL;
	chunk->bytes = __vmalloc((unsigned long)nr * PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!chunk->bytes) {
		chunk_free(chunk);
		return NULL;
	}
	return chunk;
}

/*
 * Maps @block, memory for a page of 2 MB, read-only in vmalloc space: text_poke() needs an address
 * outside of the direct map. Sleeps. Returns the address. Returns NULL if there is no memory.
 */
static void *map_block(struct page *block)
{
	struct page **pages = kmalloc_array(PTRS_PER_PTE, sizeof(*pages), GFP_KERNEL);
	unsigned int i;
	void *bytes;

	if (!pages)
		return NULL;
	for (i = 0; i < PTRS_PER_PTE; i++)
		pages[i] = block + i;
	bytes = vmap(pages, PTRS_PER_PTE, VM_MAP, PAGE_KERNEL_RO);
	kfree(pages);
	return bytes;
}

struct shk_chunk *shk_block_alloc(void)
{
	struct shk_chunk *chunk = chunk_new(PTRS_PER_PTE);

	if (!chunk)
		return NULL;
	chunk->block = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_NORETRY, BLOCK_ORDER);
	if (chunk->block)
		chunk->bytes = map_block(chunk->block);
	if (!chunk->bytes) {
		chunk_free(chunk);
		return NULL;
	}
	return chunk;
}

bool shk_in_block(const struct shk_copy *copy)
{
	return copy->chunk->block;
}

struct shk_copy shk_chunk_fill(struct shk_chunk *chunk, unsigned long addr)
{
	unsigned long offset = (unsigned long)chunk->filled++ * PAGE_SIZE;

	WARN_ON_ONCE(chunk->filled > chunk->nr || chunk->sealed);
	memcpy(writable(chunk) + offset, shk_base_bytes(addr & PAGE_MASK), PAGE_SIZE);
	refcount_inc(&chunk->ref);
	return (struct shk_copy){ .bytes = chunk->bytes + offset, .chunk = chunk };
}

int shk_chunk_seal(struct shk_chunk *chunk)
{
	/* Also changes the direct map: cpa_process_alias(). */
	int ret = shk_call(set_memory_ro)((unsigned long)writable(chunk), chunk->nr);

	chunk->sealed = true;
	return ret ? -ENOMEM : 0;
}

void shk_chunk_put(struct shk_chunk *chunk)
{
	if (!refcount_dec_and_test(&chunk->ref))
		return;
	/*
	 * Cannot fail: shk_chunk_seal() has split the large entries that have to be, so nothing is
	 * allocated.
	 */
	if (chunk->sealed)
		WARN_ON_ONCE(shk_call(set_memory_rw)((unsigned long)writable(chunk), chunk->nr));
	chunk_free(chunk);
}

void shk_copy_free(struct shk_copy *copy)
{
	if (copy->bytes)
		shk_chunk_put(copy->chunk);
	*copy = (struct shk_copy){};
}

int shk_copy_alloc(struct shk_copy *copy, unsigned long addr)
{
	struct shk_chunk *chunk = shk_chunk_alloc(1);
	int ret;

	if (!chunk)
		return -ENOMEM;
	*copy = shk_chunk_fill(chunk, addr);
	ret = shk_chunk_seal(chunk);
	shk_chunk_put(chunk);
	if (ret)
		shk_copy_free(copy);
	return ret;
}
