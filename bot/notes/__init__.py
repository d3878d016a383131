"""Raw show notes to a draft episode file.

```
bytes --reading, plain, html, feed--> Notes --structure--> Outline --draft (summary, topics)--> an episode file
```

Whatever stands in the draft stands in the notes: nothing here knows how to write a sentence.
"""
