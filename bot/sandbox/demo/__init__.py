"""Web page of the sandbox: both stand-ins with a few people, seen and used in a browser.

The browser alone draws messages: the scripts in `static/` build elements and texts and never parse markup, so that no
message can become markup. The page of `recap demo` gets its messages as JSON over a stream of events; the file of
`recap preview --html` holds the same scripts and the same JSON.
"""
