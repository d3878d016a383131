"""Who is measured. Each is a module with `async def main(block)`, run in a process of its own."""
