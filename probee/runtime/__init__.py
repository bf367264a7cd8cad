"""From a CollectionSpec to what is live in the kernel, and back: cache, loader, links, maps, rings.

    session     the whole of it for a user                 live      declaration -> live object
    loader      CollectionSpec -> maps and programs        prepare   what it needs beforehand
    links       programs -> their hooks, and off again     programs  facts and test runs
    verifier    a refusal -> the Python line               descriptors  closed once, in one process
    cache, codec   a compiled spec kept on disk            reuse     maps of others in place of ours
    maps, variables, ring, records, losses, decode   what user space reads and writes meanwhile

Read `session` first: it calls the others in their order.
"""
