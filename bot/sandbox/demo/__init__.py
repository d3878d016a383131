"""The sandbox's web page: both stand-ins with a few people in them, seen and driven from a browser.

Messages are drawn by one implementation, in the browser: the scripts in `static/` build elements and texts and never
parse markup, so that nothing in a message can become any. The page of `recap demo` gets its messages as JSON over a
stream of events; the file of `recap preview --html` holds the same scripts and the same JSON. Drawing on the server
would need a second, escaping implementation for what changes while somebody looks.
"""
