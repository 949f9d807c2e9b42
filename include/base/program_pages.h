/*
 * The program's code in memory.
 *
 * A start runs through code that is not needed again: of a static program with TLS most of it, 3 MB, since
 * the kernel maps 64 KiB around each page that is touched. Letting go of it makes what is resident say what
 * the service lives on. The bytes stay in the kernel's cache; what is touched again costs a minor fault.
 */
#pragma once

/*
 * Unmaps the code and the constants of the program and of its libraries until they are touched again. Nothing
 * that was written to is among them. From any thread; a failure changes nothing and is not reported.
 */
void program_pages_let_go(void);
