/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHADOWCTL_INSTRUMENT_H
#define SHADOWCTL_INSTRUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * instrument.c: counters in the bodies of a patch module. gcc adds one to a counter where control
 * leaves a block. The counters of all functions are one array in the module, which is read from
 * /sys/module/NAME/counters. The module's file says which function has which counters:
 */

/* This section, which is not loaded, has a struct training_file for each file of the kernel. */
#define TRAINING_SECTION ".note.shk_training"

/* Counters are in the order of the files and functions. The checksums are gcc's. */
struct training_function {
	uint32_t ident, lineno, cfg;
	uint32_t counters; /* their number */
};

struct training_file {
	uint64_t size;			   /* with functions and notes: a multiple of 8 */
	uint32_t version, stamp, checksum; /* of gcc and of the compilation */
	uint32_t functions;		   /* number of them */
	uint64_t notes;			   /* length of the .gcno file, behind the functions */
	char file[160];			   /* such as "fs/pipe.c" */
	struct training_function function[];
};

/* Writes the name of the files with the counters of @file, without its ending, to @stem. */
void training_stem(const char *file, char *stem, size_t room);

/*
 * Appends the flags of gcc that instrument. @root is the folder of the source, @notes the .gcno
 * file that gcc is to write.
 */
void instrument_flags(char **flags, const char *root, const char *stem, const char *notes);
/*
 * Appends the flags of gcc that use a profile, of the .gcda files in the subfolder "shadowk" of
 * @profile.
 */
void instrument_use_flags(char **flags, const char *root, const char *stem, const char *profile);

/* Returns true if this line of gcc's assembly defines counters, which instrument_write() does. */
bool instrument_is_counter(const char *line);
/*
 * Reads gcc's assembly from @in, and writes the counters and a struct training_file to @out. Adds
 * the number of counters to @count. Returns false if it is not gcc's format.
 */
bool instrument_write(FILE *in, FILE *out, const char *file, const char *notes, size_t *count);

/* training.c: reads the counters of a loaded module, and writes a profile. */
struct training;

/* Reads the file of a module, which must be instrumented. Reports errors. Returns a status. */
int training_open(struct training **training, const char *path);
/* Reads the counters of the loaded module @module. Reports errors. Returns a status. */
int training_read(struct training *training, const char *module);
/*
 * Writes two files for each file of the kernel to @folder, and prints a line: .gcda has the counts,
 * .gcno says for gcov what was counted. Reports errors. Returns a status.
 */
int training_write(const struct training *training, const char *folder);
/*
 * Sets @executed to the functions of a file that the profile in @folder has executed, separated by
 * commas, for free(). @stem is that of training_stem(). Reports errors. Returns a status.
 */
int training_executed(const char *folder, const char *stem, char **executed);
void training_close(struct training **training);

struct target;
struct build;
/*
 * train_module.c: lets the target execute the instrumented module in @file, until it ends, and
 * writes the profile to @folder. @target has its command line. @build is cleaned once the module
 * is loaded. Sets @interrupted if a signal has ended the training. Returns the status of
 * target_end().
 */
int train_module(struct target *target, const char *file, const char *folder, struct build *build,
		 bool *interrupted);

#endif /* SHADOWCTL_INSTRUMENT_H */
