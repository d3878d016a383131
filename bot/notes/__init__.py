"""Raw show notes to a draft episode file.

```
bytes --reading (html, plain, tables, addresses), feed--> Notes, lines of one plain model
Notes --head, chaff--> what the notes announce, and the lines that tell subjects
lines --cuts (marks)--> each way to cut them, scored; the best --structure--> Outline
Outline --draft (topics)--> an episode file
```

Every sentence of the draft stands in the notes. The words by which lines are recognised stand in `words.toml`.
"""
