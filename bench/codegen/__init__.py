"""probee's instructions beside clang's, over programs that exist in both languages.

pairs/       the programs                objects.py   C into a CollectionSpec
sides.py     both in the kernel          report.py    the section of RESULTS.md
"""
