"""What every tool shares on the user side: options, columns, output formats, the event loop."""
