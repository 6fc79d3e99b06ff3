"""byhand"""
