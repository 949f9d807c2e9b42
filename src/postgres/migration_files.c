#include "postgres/migration_files.h"

#include "base/sha256.h"
#include "postgres/message.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_DIGITS 4
#define SUFFIX         ".sql"
#define BLANKS         " \t\r\n\f\v"

/* One file while it is read. */
struct file {
    const char *directory;
    const char *name; /* without the directory */
    char **ret_message;
};

static enum fault refuse(const struct file *file, const char *reason)
{
    return message_set(file->ret_message, FAULT_VALIDATION, "%s/%s: %s", file->directory, file->name, reason);
}

static int is_sql(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    size_t suffix_size = strlen(SUFFIX);
    return size >= suffix_size && strcmp(entry->d_name + size - suffix_size, SUFFIX) == 0;
}

static enum fault read_name(const struct file *file, struct migration *migration)
{
    const char *digits = file->name;
    size_t digit_count = strspn(digits, "0123456789");
    const char *name = digits + VERSION_DIGITS + 1;
    bool separated = digit_count == VERSION_DIGITS && digits[VERSION_DIGITS] == '_';
    size_t name_size = separated ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
    if (name_size == 0 || strcmp(name + name_size, SUFFIX) != 0)
        return refuse(file, "must be named NNNN_name.sql, in a-z, 0-9 and _, such as 0001_create_users.sql");

    migration->version = (unsigned)strtoul(digits, NULL, 10);
    migration->name = strndup(name, name_size);
    return migration->name ? FAULT_NONE : message_set(file->ret_message, FAULT_MEMORY, "memory is short");
}

static enum fault check_number(const struct file *file, unsigned version, unsigned expected)
{
    if (version == expected) return FAULT_NONE;
    if (version < expected)
        return refuse(file, version == 0 ? "numbers start at 0001" : "this number is there twice");
    return message_set(file->ret_message, FAULT_VALIDATION, "%s/%s: number %04u is missing before it",
                       file->directory, file->name, expected);
}

static void write_hex(const unsigned char *bytes, size_t size, char *at)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    *at = '\0';
}

static enum fault check_content(const struct file *file, const char *bytes, size_t size)
{
    if (size > MIGRATION_FILE_SIZE_MAX) return refuse(file, "is larger than 16 MiB");
    /* The server would be sent what stands before it, and nothing would be noticed. */
    if (memchr(bytes, '\0', size)) return refuse(file, "holds a NUL byte");
    if (bytes[strspn(bytes, BLANKS)] == '\0') return refuse(file, "is empty");
    return FAULT_NONE;
}

/* All of stream, terminated; at most one byte more than the limit. NULL with errno on failure. */
static char *read_stream(FILE *stream, size_t *ret_size)
{
    char *bytes = NULL;
    size_t size = 0;
    for (size_t room = 16384; size <= MIGRATION_FILE_SIZE_MAX; room = 2 * size) {
        char *larger = realloc(bytes, size + room + 1);
        if (!larger) break;
        bytes = larger;
        size_t got = fread(bytes + size, 1, room, stream);
        size += got;
        if (got < room) break;
    }
    if (!bytes || ferror(stream)) {
        free(bytes);
        return NULL;
    }
    bytes[size] = '\0';
    *ret_size = size;
    return bytes;
}

static enum fault read_content(const struct file *file, struct migration *migration)
{
    char *path;
    if (asprintf(&path, "%s/%s", file->directory, file->name) < 0)
        return message_set(file->ret_message, FAULT_MEMORY, "memory is short");
    FILE *stream = fopen(path, "re");
    free(path);
    if (!stream) return refuse(file, strerrordesc_np(errno));

    size_t size = 0;
    migration->sql = read_stream(stream, &size);
    int error = errno;
    (void)fclose(stream);
    if (!migration->sql) return refuse(file, strerrordesc_np(error));

    enum fault fault = check_content(file, migration->sql, size);
    if (fault) return fault;
    unsigned char digest[SHA256_SIZE];
    sha256(migration->sql, size, digest);
    write_hex(digest, sizeof digest, migration->checksum);
    return FAULT_NONE;
}

/* Reads the next file; what it leaves in its migration after a fault is freed with the others. */
static enum fault add_file(struct migrations *migrations, const struct file *file)
{
    struct migration *migration = &migrations->items[migrations->count++];
    enum fault fault = read_name(file, migration);
    if (fault) return fault;
    fault = check_number(file, migration->version, (unsigned)migrations->count);
    if (fault) return fault;
    return read_content(file, migration);
}

static enum fault add_files(struct migrations *migrations, const char *directory, struct dirent **entries,
                            size_t count, char **ret_message)
{
    if (count == 0)
        return message_set(ret_message, FAULT_VALIDATION, "%s: holds no migration (NNNN_name.sql)",
                           directory);
    migrations->items = calloc(count, sizeof *migrations->items);
    if (!migrations->items) return message_set(ret_message, FAULT_MEMORY, "memory is short");

    for (size_t i = 0; i < count; i++) {
        struct file file = {directory, entries[i]->d_name, ret_message};
        enum fault fault = add_file(migrations, &file);
        if (fault) return fault;
    }
    return FAULT_NONE;
}

/* By bytes, whatever the locale: four digits sort as their numbers do. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

enum fault migrations_read(const char *directory, struct migrations *ret_migrations, char **ret_message)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_sql, by_name);
    if (count < 0)
        return message_set(ret_message, FAULT_VALIDATION, "migrations-dir %s: %s", directory,
                           strerrordesc_np(errno));

    struct migrations migrations = {0};
    enum fault fault = add_files(&migrations, directory, entries, (size_t)count, ret_message);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    if (fault)
        migrations_release(&migrations);
    else
        *ret_migrations = migrations;
    return fault;
}

void migrations_release(struct migrations *migrations)
{
    for (size_t i = 0; i < migrations->count; i++) {
        free(migrations->items[i].name);
        free(migrations->items[i].sql);
    }
    free(migrations->items);
    *migrations = (struct migrations){0};
}
