/* SPDX-License-Identifier: Apache-2.0
 * artifact_test.c - files that are no program are told apart by their bytes; the good one is a
 * small ELF object made here, so that each of its fields can be spoilt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>

#include "client/api/artifact.h"
#include "client/api/flink/flink.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define OTHER_MACHINE EM_AARCH64
#else
#define MACHINE EM_AARCH64
#define OTHER_MACHINE EM_X86_64
#endif

struct object {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	struct {
		Elf64_Nhdr head;
		char name[8];
		uint32_t abi;
	} foreign, notes[2];
};

static struct object good_object(void)
{
	struct object object;

	memset(&object, 0, sizeof(object));
	memcpy(object.header.e_ident, ELFMAG, SELFMAG);
	object.header.e_ident[EI_CLASS] = ELFCLASS64;
	object.header.e_ident[EI_DATA] = ELFDATA2LSB;
	object.header.e_type = ET_DYN;
	object.header.e_machine = MACHINE;
	object.header.e_phoff = offsetof(struct object, segment);
	object.header.e_phentsize = sizeof(object.segment);
	object.header.e_phnum = 1;
	object.segment.p_type = PT_NOTE;
	object.segment.p_offset = offsetof(struct object, foreign);
	object.segment.p_filesz = sizeof(object) - object.segment.p_offset;
	object.foreign.head = (Elf64_Nhdr){ 4, 8, 3 }; /* four bytes of name, the rest value */
	memcpy(object.foreign.name, "GNU", 4);
	for (int i = 0; i < 2; i++) {
		object.notes[i].head = (Elf64_Nhdr){ 6, 4, 1 };
		memcpy(object.notes[i].name, "flink", 6);
		object.notes[i].abi = FLINK_ABI;
	}
	return object;
}

static void expect(const void *content, size_t size_bytes, const char *path, enum err_code code,
		   const char *text)
{
	struct err err = ERR_INIT;
	int result = artifact_check(bytes_of(content, size_bytes), path, &err);

	assert_int_equal(err.code, code);
	assert_int_equal(result, code == ERR_NONE ? 0 : -1);
	if (text != NULL)
		assert_string_equal(err.text, text);
}

static void a_shared_object_with_the_note_is_a_program(void **state)
{
	struct object object = good_object();

	expect(&object, sizeof(object), "job.so", ERR_NONE, "");
}

static void other_files_are_named_for_what_they_are(void **state)
{
	expect("PK\003\004xxxx", 8, "job.jar", ERR_ARTIFACT_UNREADABLE,
	       "job.jar is a Java archive, and there is no Java here: send a Python script (flink run -py job.py), "
	       "a C file (job.c) or a shared object (job.so) instead");
	expect("import pyflink", 14, "job.py", ERR_ARTIFACT_UNREADABLE,
	       "job.py is a Python script: flink run -py job.py runs it");
	expect("", 0, "job.so", ERR_ARTIFACT_UNREADABLE, "job.so is empty");
	expect("hello", 5, "job.txt", ERR_ARTIFACT_UNREADABLE,
	       "job.txt is neither a shared object nor C source with a name ending in .c");
}

static void objects_for_other_machines_or_of_other_kinds_are_refused(void **state)
{
	struct object object = good_object();

	object.header.e_machine = OTHER_MACHINE;
	expect(&object, sizeof(object), "job.so", ERR_ARTIFACT_UNREADABLE,
	       MACHINE == EM_X86_64 ? "job.so was built for arm64; this is x86-64"
				    : "job.so was built for x86-64; this is arm64");
	object = good_object();
	object.header.e_ident[EI_CLASS] = ELFCLASS32;
	expect(&object, sizeof(object), "job.so", ERR_ARTIFACT_UNREADABLE, NULL);
	object = good_object();
	object.header.e_type = ET_REL;
	expect(&object, sizeof(object), "job.o", ERR_ARTIFACT_UNREADABLE,
	       "job.o is an object file, not a shared object; link it with -shared");
	object.header.e_type = ET_EXEC;
	expect(&object, sizeof(object), "job", ERR_ARTIFACT_UNREADABLE,
	       "job is a program, not a shared object; link it with -shared");
}

static void a_missing_note_and_another_version_are_told_apart(void **state)
{
	struct object object = good_object();

	object.notes[1].abi = FLINK_ABI + 1; /* one old object file among new ones */
	char *text = mem_printf("job.so was built with version %d of flink.h; this is version %d",
				FLINK_ABI + 1, FLINK_ABI);

	expect(&object, sizeof(object), "job.so", ERR_ARTIFACT_ABI, text);
	mem_free(text);
	object = good_object();
	object.notes[0].name[0] = object.notes[1].name[0] = 'x';
	expect(&object, sizeof(object), "job.so", ERR_ARTIFACT_ENTRY,
	       "job.so is a shared object, but no program of cflink: it does not include <flink/flink.h>");
	object = good_object();
	object.segment.p_type = PT_LOAD;
	expect(&object, sizeof(object), "job.so", ERR_ARTIFACT_ENTRY, NULL);
}

static void damaged_objects_are_refused_without_harm(void **state)
{
	struct object object = good_object();

	for (size_t length = 0; length < sizeof(object); length++) {
		char *cut = mem_dup(&object, length); /* so that a byte too far is seen */
		struct err err = ERR_INIT;

		assert_int_equal(artifact_check(bytes_of(cut, length), "job.so", &err), -1);
		mem_free(cut);
	}
	object.segment.p_filesz = UINT64_MAX;
	expect(&object, sizeof(object), "job.so", ERR_ARTIFACT_UNREADABLE,
	       "job.so is cut off or damaged");
	object = good_object();
	object.header.e_phoff = UINT64_MAX - 8;
	expect(&object, sizeof(object), "job.so", ERR_ARTIFACT_UNREADABLE,
	       "job.so is cut off or damaged");
	object = good_object();
	object.header.e_phentsize = 1;
	expect(&object, sizeof(object), "job.so", ERR_ARTIFACT_UNREADABLE,
	       "job.so is cut off or damaged");
	object = good_object();
	object.foreign.head.n_namesz = UINT32_MAX;
	expect(&object, sizeof(object), "job.so", ERR_ARTIFACT_ENTRY, NULL);
	assert_int_equal(mem_bytes_out(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shared_object_with_the_note_is_a_program),
		cmocka_unit_test(other_files_are_named_for_what_they_are),
		cmocka_unit_test(objects_for_other_machines_or_of_other_kinds_are_refused),
		cmocka_unit_test(a_missing_note_and_another_version_are_told_apart),
		cmocka_unit_test(damaged_objects_are_refused_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
