"""Getting servers onto this machine, and saying what it has and lacks.

    servers.py   which server programs the kinds need, and which of them are here
    machine.py   which machine this is: platform, rights, memory, disk
    install.py   asks a helper with root's rights to install packages through apt
    as_root.py   that helper; the standard library only, since it may run under sudo
    doctor.py    what each kind of environment needs, found or lacking, and the command to mend it

Seatrial starts private instances of servers by itself. So what is installed here must neither be
started by its package nor at the next boot, and what runs on the machine already is not touched.
"""
