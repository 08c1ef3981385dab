/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of grafts. One process executes a program and forks, and another one attaches and
 * detaches it, in every order. tests/model/check lets spin walk all states.
 *
 * An atomic step stands for a section under shk_graft_lock in kmod/graft. A flush is part of the
 * step that writes the entry. The model leaves out locks that only order users, several shadows,
 * and stretches.
 */

#ifndef STEPS
#define STEPS 3 /* of the process that attaches and detaches */
#endif

#define BASE   0
#define SHADOW 1

/* mms */
#define OLD   0 /* the process's first one */
#define NEW   1 /* made by its exec */
#define CHILD 2 /* made by its fork */
#define NONE  3

mtype = { SPARE, BEING_MADE, INSIDE, PARKED };

byte entry[4];	      /* the entry in mm->pgd */
mtype state[4];	      /* SPARE: the mm has no graft */
bool alive[4], mapped[4];
bool sibling[4];      /* in the list children of OLD */
bool leaving[4];
byte users;	      /* shk_shadow.nr_grafts */

byte mm = OLD;	      /* the process's mm */
byte text = BASE;     /* the text that the process executes */
bool arriving = false; /* a pending attach: NEW comes in by task work */
bool guard = false;   /* cred_guard_mutex */
byte wanted = BASE;   /* the result that the last successful call must have */
bool process_done = false, user_done = false, child_lives = false;

#define connected(m) (state[m] == BEING_MADE || state[m] == INSIDE)

inline flush(m) {
	if
	:: mm == m -> text = entry[m]
	:: else
	fi
}

inline disconnect(m) {
	assert(connected(m));
	entry[m] = BASE;
	state[m] = SPARE;
	sibling[m] = false;
	users--;
	flush(m)
}

/* exit_mmap(), after which the mm is freed. */
inline end_mm(m) {
	atomic {
		if
		:: connected(m) -> disconnect(m)
		:: state[m] == PARKED -> state[m] = SPARE
		:: else
		fi;
		if
		:: m == OLD -> sibling[NEW] = false; sibling[CHILD] = false
		:: else
		fi;
		alive[m] = false;
		assert(state[m] == SPARE)
	}
}

/* pgd_alloc(), and its hook if the process executes the shadow. */
inline make_mm(m) {
	atomic {
		alive[m] = true;
		mapped[m] = false;
		entry[m] = BASE;
		if
		:: text == SHADOW && connected(mm) && !leaving[mm] ->
			state[m] = BEING_MADE;
			entry[m] = SHADOW;
			sibling[m] = true;
			users++
		:: else
		fi
	}
}

/* fork or exec fails before the first mapping: pgd_free(), and its hook in the same way. */
inline abort_mm(m) {
	atomic {
		if
		:: text == SHADOW && connected(m) ->
			state[m] = SPARE;
			sibling[m] = false;
			users--
		:: else
		fi;
		alive[m] = false;
		assert(state[m] == SPARE)
	}
}

inline do_fork() {
	make_mm(CHILD);
	if
	:: true -> abort_mm(CHILD)
	:: mapped[CHILD] = true;
	   if
	   :: true -> end_mm(CHILD)
	   :: child_lives = true
	   fi
	fi
}

inline do_exec() {
	make_mm(NEW);
	if
	:: true -> abort_mm(NEW)
	:: mapped[NEW] = true;
	   if
	   :: true -> end_mm(NEW) /* the program does not exist */
	   :: atomic { !guard -> guard = true };
	      if
	      :: true -> end_mm(NEW); /* the program must not be executed */
		 guard = false
	      :: true ->
		 atomic { /* exec_mm_release(), and its hook */
			if
			:: text == SHADOW && connected(OLD) ->
				if
				:: sibling[NEW] ->
					state[NEW] = INSIDE;
					sibling[NEW] = false
				:: else ->
					arriving = true;
					users++
				fi
			:: else
			fi
		 };
		 if
		 :: true -> /* killed before it uses NEW; other processes may share OLD */
			guard = false;
			end_mm(NEW);
			atomic {
				if
				:: arriving -> arriving = false; users--
				:: else
				fi
			}
		 :: true ->
			atomic { mm = NEW; text = entry[NEW] };
			end_mm(OLD);
			guard = false;
			atomic { /* on the way to user space */
				if
				:: arriving ->
					arriving = false;
					assert(!connected(NEW));
					state[NEW] = INSIDE;
					entry[NEW] = SHADOW;
					flush(NEW)
				:: else
				fi
			}
		 fi
	      fi
	   fi
	fi
}

proctype process() {
	if
	:: do_fork()
	:: do_exec()
	:: do_fork(); do_exec()
	:: skip
	fi;
	process_done = true
}

inline cancel_arrival() {
#ifndef KEEP_ARRIVAL
	if
	:: arriving && mm == NEW -> arriving = false; users--
	:: else
	fi
#else
	skip
#endif
}

inline attach() {
	atomic { !guard -> guard = true };
	atomic {
		if
		:: !connected(mm) ->
			state[mm] = INSIDE;
			entry[mm] = SHADOW;
			users++;
			flush(mm)
		:: state[mm] == BEING_MADE -> state[mm] = INSIDE
		:: else
		fi;
		cancel_arrival();
		wanted = SHADOW
	};
	guard = false
}

inline detach() {
	byte it = NONE;

	atomic { !guard -> guard = true };
	atomic {
		it = mm;
		if
		:: connected(it) -> leaving[it] = true
		:: arriving && it == NEW && !connected(it) ->
			cancel_arrival();
			it = NONE;
			wanted = BASE
		:: else -> it = NONE; assert(wanted == BASE)
		fi
	};
	if
	:: it == NONE
	:: else ->
		if
		/* If a child is between pgd_alloc() and its first mapping, try again later. */
#ifndef IGNORE_UNMADE
		:: atomic { it == OLD && ((sibling[NEW] && !mapped[NEW]) ||
					  (sibling[CHILD] && !mapped[CHILD])) ->
			    leaving[it] = false }
		:: else ->
#else
		:: true ->
#endif
			atomic {
				if
				:: connected(it) ->
					if
#ifndef KEEP_EXECS
					:: it == OLD && sibling[NEW] -> disconnect(NEW)
#endif
					:: else
					fi;
					sibling[CHILD] = sibling[CHILD] && it != OLD;
					disconnect(it);
					state[it] = PARKED;
					wanted = BASE
				:: else
				fi;
				leaving[it] = false
			}
		fi
	fi;
	guard = false
}

proctype user() {
	byte n = 0;

	do
	:: n < STEPS -> n++; attach()
	:: n < STEPS -> n++; detach()
	:: break
	od;
	user_done = true
}

init {
	atomic {
		alive[OLD] = true;
		mapped[OLD] = true;
		state[OLD] = SPARE;
		state[NEW] = SPARE;
		state[CHILD] = SPARE;
		run process();
		run user()
	};
	process_done && user_done;
	/* The process is where the last call put it. Only grafts that are connected are counted. */
	assert(text == wanted && entry[mm] == wanted && !arriving);
	assert(users == (connected(OLD) -> 1 : 0) + (connected(NEW) -> 1 : 0) +
			(connected(CHILD) -> 1 : 0));
	assert(!alive[OLD] || (entry[OLD] == SHADOW) == connected(OLD));
	assert(!alive[NEW] || (entry[NEW] == SHADOW) == connected(NEW));
	assert(!alive[CHILD] || (entry[CHILD] == SHADOW) == connected(CHILD));
	end_mm(mm);
	if
	:: child_lives -> end_mm(CHILD)
	:: else
	fi;
	assert(!users)
}
