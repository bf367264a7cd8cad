"""What loaded programs do while one looks: where they are attached, how often they run."""
