#include "base/program_pages.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whole pages only: a segment's last one may be another's first. */
static void let_go(uintptr_t start, uintptr_t end, uintptr_t page_size)
{
    start = (start + page_size - 1) / page_size * page_size;
    end = end / page_size * page_size;
    if (start < end) (void)madvise((void *)start, end - start, MADV_DONTNEED);
}

static int visit(struct dl_phdr_info *object, size_t size, void *argument)
{
    const uintptr_t *page_size = argument;
    (void)size;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        /* What can be written to holds what was written, and relocations. */
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
        uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        let_go(start, start + segment->p_filesz, *page_size);
    }
    return 0;
}

void program_pages_let_go(void)
{
    uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)dl_iterate_phdr(visit, &page_size);
}
