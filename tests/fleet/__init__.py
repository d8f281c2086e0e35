"""A simulated estate: devices with a life of their own that speak the real wire, and nothing else of Muster.

`python -m tests.fleet` enrols them, sends what agents would after six months offline, then each device's reports at its
own pace. Nothing here knows the server, its rules or its policy: faults are physical, planted at known rates, and their
truth is kept aside, so that what Muster says of them can be measured.
"""
