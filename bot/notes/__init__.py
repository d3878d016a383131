"""Raw show notes to a draft episode file.

```
bytes --reading, plain, html, feed--> Notes --structure--> Outline --draft (summary, topics)--> an episode file
```

Every sentence of the draft stands in the notes: nothing here writes a sentence of its own.
"""
