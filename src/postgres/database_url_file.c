#include "postgres/database_url_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SIZE_MAX 65536

/* Terminated, up to one byte more than is allowed, for the caller to free. NULL with errno. */
static char *read_content(const char *path, size_t *ret_size)
{
    FILE *stream = fopen(path, "re");
    if (!stream) return NULL;
    char *content = malloc(FILE_SIZE_MAX + 2);
    *ret_size = content ? fread(content, 1, FILE_SIZE_MAX + 1, stream) : 0;
    int error = ferror(stream) ? errno : 0;
    (void)fclose(stream);
    if (error != 0) {
        free(content);
        errno = error;
        return NULL;
    }
    if (content) content[*ret_size] = '\0';
    return content;
}

/* Cuts one line end. NULL when what is left can be a URL, else what it is not. */
static const char *trim(char *content, size_t size)
{
    if (size > FILE_SIZE_MAX) return "the file is larger than 64 KiB";
    if (memchr(content, '\0', size)) return "the file holds a NUL byte";
    if (size > 0 && content[size - 1] == '\n') content[--size] = '\0';
    if (size > 0 && content[size - 1] == '\r') content[--size] = '\0';
    if (size == 0) return "the file is empty";
    return strpbrk(content, "\r\n") ? "the file has more than one line" : NULL;
}

enum fault database_url_file_read(const char *path, char **ret_url, const char **ret_flaw)
{
    size_t size;
    char *content = read_content(path, &size);
    const char *flaw = content ? trim(content, size) : strerrordesc_np(errno);
    if (flaw) {
        *ret_flaw = flaw;
        free(content);
        return FAULT_DATABASE_URL;
    }
    *ret_url = content;
    return FAULT_NONE;
}
