/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_INSTRUMENT_H
#define SHADOWCTL_INSTRUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * instrument.c: counters in the bodies of a patch module, for the verb train. A body is the code of
 * a function of the kernel that the module replaces. gcc adds code that increments a counter where
 * control leaves a basic block. The counters of all bodies are one array in the module, which is
 * read from /sys/module/NAME/counters.
 *
 * The section TRAINING_SECTION of the module's file says which body has which counters. It is not
 * loaded. It has a struct training_file for each source file of the kernel.
 */
#define TRAINING_SECTION ".note.shk_training"

/*
 * The counters of one function. The array in the module has the counters in the order of the files,
 * and of the functions in each file.
 */
struct training_function {
	uint32_t ident, lineno, cfg; /* by which gcc identifies the function in a profile */
	uint32_t counters;	     /* number of counters */
};

/* One source file of the kernel. The .gcno file that gcc has written follows the functions. */
struct training_file {
	uint64_t size;			   /* with functions and notes: a multiple of 8 */
	uint32_t version, stamp, checksum; /* of gcc and of the compilation */
	uint32_t functions;		   /* number of elements of .function */
	uint64_t notes;			   /* length of the .gcno file */
	char file[160];			   /* such as "fs/pipe.c" */
	struct training_function function[];
};

/*
 * Writes the name of the .gcda and .gcno files of the source @file, without its ending, to @stem of
 * @room bytes: "fs_pipe" for "fs/pipe.c".
 */
void training_stem(const char *file, char *stem, size_t room);

/*
 * Appends to *@flags the flags by which gcc adds counters. @root: folder of the kernel's source.
 * @stem: result of training_stem() for the file. @notes: path of the .gcno file that gcc is to
 * write. *@flags, which may be NULL, is reallocated; the caller frees it.
 */
void instrument_flags(char **flags, const char *root, const char *stem, const char *notes);
/*
 * Appends to *@flags the flags by which gcc uses the profile of a training: the .gcda files in the
 * subfolder "shadowk" of @profile. Otherwise as instrument_flags().
 */
void instrument_use_flags(char **flags, const char *root, const char *stem, const char *profile);

/*
 * Returns true if @line of gcc's assembly defines counters. The caller leaves such lines out, since
 * instrument_write() defines the counters.
 */
bool instrument_is_counter(const char *line);
/*
 * Reads gcc's assembly from @in, and writes assembly that defines the counters and a struct
 * training_file to @out. @file: the source, such as "fs/pipe.c". @notes: path of its .gcno file,
 * which the assembler includes. Adds the number of counters to *@count. Returns false if @in is not
 * in gcc's format.
 */
bool instrument_write(FILE *in, FILE *out, const char *file, const char *notes, size_t *count);

/* training.c: reads the counters of a loaded module, and writes a profile. */
struct training;

/*
 * Reads the file @path of a module, which must be instrumented. *@training becomes a new struct,
 * also after an error; training_close() frees it. Reports errors. Returns a status.
 */
int training_open(struct training **training, const char *path);
/* Reads the counters of the module @module, which is loaded. Reports errors. Returns a status. */
int training_read(struct training *training, const char *module);
/*
 * Writes the profile to @folder, and prints a line for each source file. Each has two files there:
 * a .gcda file with the counts, and a .gcno file, which tells gcov what was counted. Called after
 * training_read(). Reports errors. Returns a status.
 */
int training_write(const struct training *training, const char *folder);
/*
 * Sets @executed to the functions of a file that the profile in @folder has executed, separated by
 * commas, for free(). @stem is that of training_stem(). Reports errors. Returns a status.
 */
int training_executed(const char *folder, const char *stem, char **executed);
/* Frees *@training, unless it is NULL, and sets it to NULL. */
void training_close(struct training **training);

struct target;
struct build;
/*
 * train_module.c: lets the target execute the instrumented module in @file, until it ends, and
 * writes the profile to @folder. @target has its command line. @build is cleaned once the module
 * is loaded, unless it is NULL. Sets @interrupted if a signal has ended the training. Returns the
 * status of target_end().
 */
int train_module(struct target *target, const char *file, const char *folder, struct build *build,
		 bool *interrupted);

#endif /* SHADOWCTL_INSTRUMENT_H */
